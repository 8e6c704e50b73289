"""`python -m finesent.params.check`: is params.yaml sound, all of it? Runs before `dvc repro` in make."""

from __future__ import annotations

from finesent.params.study import read_study
from finesent.stage import run_stage


def main() -> str:
    """Check the file; raise FinesentError with every offending key otherwise."""
    study = read_study()
    runs = f"{len(study.ablations)} ablations × {len(study.seeds)} seeds"
    return f"params.yaml is sound: {runs} on {study.dataset}"


if __name__ == "__main__":
    run_stage(main)
