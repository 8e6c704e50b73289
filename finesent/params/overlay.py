"""`python -m finesent.params.overlay studies/losses.yaml`: lay a study over params.yaml, before `dvc repro`.

A study states only what differs. Blocks that list things by name (ablations, transfer, inputs, claims) are
replaced as a whole, all others key by key. `git checkout params.yaml` undoes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from finesent.files import replacing
from finesent.params.ablation import merge_ablation
from finesent.params.reading import PARAMS, merged
from finesent.params.study import Study, check_study
from finesent.stage import run_stage
from finesent.yaml_files import read_yaml

_REPLACED = ("ablations", "claims", "inputs", "transfer")


def lay_over(content: dict[str, Any], study: dict[str, Any]) -> dict[str, Any]:
    """Return the content of params.yaml with a study's laid over it."""
    rest = {key: value for key, value in study.items() if key not in _REPLACED}
    laid = merged(content, rest) | {key: study[key] for key in _REPLACED if key in study}
    if isinstance(content.get("defaults"), dict) and isinstance(study.get("defaults"), dict):
        laid["defaults"] = merge_ablation(content["defaults"], study["defaults"])
    return laid


def write_overlaid(study: Path, params: Path = PARAMS) -> Study:
    """Lay ``study`` over ``params``, and return what the file then says.

    Raises:
        FinesentError: either file is malformed, or together they make no sound params.yaml, which is then
            left as it was.
    """
    laid = lay_over(read_yaml(params), read_yaml(study))
    checked = check_study(laid, f"{params} with {study}")
    with replacing(params) as temporary, temporary.open("w", encoding="utf-8") as file:
        YAML(pure=True).dump(laid, file)
    return checked


def main() -> str:
    """Lay the study named on the command line over params.yaml."""
    parser = argparse.ArgumentParser(prog="python -m finesent.params.overlay", description=__doc__)
    parser.add_argument("study", type=Path, help="one of studies/*.yaml")
    path = parser.parse_args().study
    study = write_overlaid(path)
    runs = f"{len(study.ablations)} ablations × {len(study.seeds)} seeds"
    return f"params.yaml is now {path} over what it was: {runs} on {study.dataset}"


if __name__ == "__main__":
    run_stage(main)
