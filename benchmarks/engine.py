"""Ours, as a child of the benchmark: the train stage's own function on the task's rows, one figure line.

Every run is whole: checkpoints are written, dev is scored after every epoch and the gradients are looked at,
as in any `dvc repro`. Dev scoring is no part of the speeds, and is none of the peers' either.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.recipe import BATCH, DROPOUT, LEARNING_RATE
from benchmarks.task import Task, arguments, encoder_weights, task_of, tell
from benchmarks.workspace import ROOT
from finesent.data.tables import write_arrow
from finesent.data.tokens import read_tokens
from finesent.memory import keep_freed_memory
from finesent.models.encoder import load_encoder
from finesent.params.ablation import Ablation, read_ablation
from finesent.params.reading import PARAMS
from finesent.params.train import Train, TrainParams
from finesent.training.ablation import train_ablation
from finesent.training.setup import Paths
from finesent.validation import parse


@dataclass(frozen=True)
class Epoch:
    """One epoch of one seed, as the history has it: training alone in seconds, and the dev accuracy."""

    seconds: float
    dev_accuracy: float


def recipe(epochs: int, frozen: bool = False) -> Ablation:
    """Return the ablation that does what the peers do: everything, or the head alone, learns at one rate."""
    content = {
        "input": "plain",
        "pooling": "mean",
        "head": {"kind": "linear-tanh-linear", "dropout": DROPOUT},
        "losses": {"cross-entropy": {"weight": 1.0}},
        "unfreeze": {"policy": "never"} if frozen else {"policy": "all", "after": 0},
        "learning_rate": {"head": LEARNING_RATE, "backbone": LEARNING_RATE},
        "weight_decay": 0.0,
        "schedule": {"shape": "linear", "warmup": 0.0},
        "max_grad_norm": 1.0,
        "batch": {"sentences": BATCH},
        "epochs": epochs,
        "patience": None,
        "select": "accuracy",
    }
    return parse(Ablation, content, "benchmarks/engine.py")


def train(task: Task, ablation: Ablation, seeds: int = 1, **settings: str | int) -> list[list[Epoch]]:
    """Train seeds from the task's on, with settings of the train block; return each one's epochs.

    Raises:
        FinesentError: the data stages have not run, or the rows lack a class.
    """
    with tempfile.TemporaryDirectory(prefix="finesent-bench-") as name:
        folder = Path(name)
        tokens, source = folder / "tokens", task.data / "tokenized" / ablation.input
        # There is a folder of words in every input; that of a pretrained encoder's is empty.
        (tokens / "words").mkdir(parents=True)
        write_arrow(tokens / "train.parquet", task.take(pq.read_table(source / "train.parquet")))
        write_arrow(tokens / "dev.parquet", pq.read_table(source / "dev.parquet"))
        content = {"device": "cpu", "precision": "auto", "micro_batch": None} | settings
        params = TrainParams(
            dataset="of the benchmark",
            seeds=list(range(task.seed, task.seed + seeds)),
            train=parse(Train, content, "benchmarks/engine.py"),
        )
        paths = Paths(tokens, task.backbone, folder / "models", folder / "history.csv", folder / "work")
        classes = int(read_tokens(tokens / "dev.parquet").labels.max()) + 1
        train_ablation("benchmark", ablation, params, classes, paths)
        return _epochs(paths.history, params.seeds, len(read_tokens(tokens / "train.parquet")))


def work_of(task: Task, name: str) -> tuple[int, int]:
    """Return sentences and tokens of an epoch on an input."""
    lengths = pq.read_table(task.data / "tokenized" / name / "train.parquet", columns=["input_ids"])
    lists = task.take(lengths)["input_ids"].combine_chunks()
    return len(lists), int(lists.value_lengths().to_numpy().sum())


def _epochs(history: Path, seeds: list[int], rows: int) -> list[list[Epoch]]:
    with history.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return [
        [
            Epoch(rows / float(line["sentences_per_second"]), float(line["dev_accuracy"]))
            for line in lines
            if int(line["seed"]) == seed
        ]
        for seed in seeds
    ]


def _peak_memory(at_once: int) -> int:
    """Return the most bytes that this process and those it started can have held together.

    Of those that were started Linux tells the largest alone, in kibibytes.
    """
    own, largest = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return 1024 * (own + (largest * at_once if at_once > 1 else 0))


def main() -> None:
    """Train as the command line says, and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, help="so many, for their time alone")
    parser.add_argument("--at-once", type=int, default=1, help="of those seeds, a process each")
    parser.add_argument("--precision", default="auto", help="of params.yaml: auto, bf16 or float32")
    parser.add_argument("--kernels", default="auto", help="of params.yaml: auto or off")
    parser.add_argument("--frozen", action="store_true", help="the head alone learns")
    parser.add_argument("--ablation", help="of params.yaml, in the place of the peers' recipe")
    options: argparse.Namespace = parser.parse_args()
    task = task_of(options)
    # As the train stage does.
    keep_freed_memory()
    own = recipe(task.epochs, options.frozen)
    ablation = read_ablation(options.ablation, ROOT / PARAMS) if options.ablation else own
    settings = {"precision": options.precision, "kernels": options.kernels, "seeds_at_once": options.at_once}
    runs = train(task, ablation, options.seeds or 1, **settings)
    sentences, tokens = work_of(task, ablation.input)
    if options.seeds:
        total = sentences * sum(len(epochs) for epochs in runs)
        print(
            json.dumps({"total_sentences": total, "peak_memory": _peak_memory(options.at_once)}), flush=True
        )
        return
    (epochs,) = runs
    tell(
        sentences,
        tokens,
        [epoch.seconds for epoch in epochs],
        encoder_weights(load_encoder(task.backbone).named_parameters()),
        # Of the last epoch, as the peers': the best one would be chosen on the very rows it is scored on.
        epochs[-1].dev_accuracy,
    )


if __name__ == "__main__":
    main()
