"""train: one ablation, every seed, on the train and dev splits of its input. Test is not among its files.

Writes one model a seed and the history of all of them. A killed run goes on from its last checkpoint.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finesent.catalog.entries import dataset
from finesent.errors import FinesentError
from finesent.params.ablation import read_ablation
from finesent.params.reading import read_params
from finesent.params.train import TrainParams
from finesent.stage import run_stage


def main() -> str:
    """Train the ablation named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.train", "needs the name of one ablation", "python -m stages.train baseline"
        )
    name = sys.argv[1]
    ablation, params = read_ablation(name), read_params(TrainParams)
    classes = len(dataset(params.dataset).labels)
    # Imported once the params are known to be sound: a typo should not wait for PyTorch to load.
    from finesent.memory import keep_freed_memory
    from finesent.training.ablation import train_ablation, work_folder
    from finesent.training.processes import is_first, was_started
    from finesent.training.setup import Paths

    if params.train.processes > 1 and not was_started():
        from finesent.training.launch import launch

        launch(params.train, "stages.train", name)
        return ""
    keep_freed_memory()
    paths = Paths(
        tokens=Path("data/tokenized") / ablation.input,
        backbone=Path("data/backbone"),
        models=Path("models") / name,
        history=Path("plots") / name / "history.csv",
        work=work_folder(),
    )
    outcome = train_ablation(name, ablation, params, classes, paths)
    if not is_first():
        return ""
    scores = ", ".join(f"seed {seed} {accuracy:.4f}" for seed, accuracy in outcome.dev_accuracy.items())
    warning = f"; COLLAPSED: seeds {outcome.collapsed}" if outcome.collapsed else ""
    return f"train {name}: dev accuracy {scores}{warning}"


if __name__ == "__main__":
    run_stage(main)
