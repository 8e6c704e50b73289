"""The default study's train stages as one child of the benchmark, in a project that is ready to train.

Run as ``python -m benchmarks.study ROUND``; each round has seeds of its own.
"""

from __future__ import annotations

import csv
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.by_ablation import seeds_of_round, told
from benchmarks.workspace import write_params
from finesent.params.reading import PARAMS
from finesent.yaml_files import read_yaml


def main() -> None:
    """Train every ablation anew, in the order of ablations.json, and print the figures of all of them."""
    for folder in ("models", "plots", ".work"):
        shutil.rmtree(folder, ignore_errors=True)
    study = json.loads(Path("ablations.json").read_text(encoding="utf-8"))
    seeds = seeds_of_round(len(study["seeds"]), int(sys.argv[1]))
    write_params(Path(), read_yaml(PARAMS) | {"seeds": seeds})
    sentences = tokens = 0
    accuracies: list[float] = []
    apart: dict[str, float] = {}
    for name, block in study["ablations"].items():
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "stages.train", name], check=True, stdout=sys.stderr)
        seconds = time.perf_counter() - started
        with Path("plots", name, "history.csv").open(encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        rows, length = _work(block["ablation"]["input"])
        sentences += rows * len(epochs)
        tokens += length * len(epochs)
        last = {epoch["seed"]: float(epoch["dev_accuracy"]) for epoch in epochs}
        accuracies += last.values()
        apart |= told(name, seconds, list(last.values()))
    figures = {
        "total_sentences": sentences,
        "total_tokens": tokens,
        "dev_accuracy": sum(accuracies) / len(accuracies),
        # Of the largest stage, in bytes; Linux counts kibibytes.
        "peak_memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        **apart,
    }
    print(json.dumps(figures), flush=True)


def _work(name: str) -> tuple[int, int]:
    """Return the training rows of an input, and the tokens in all of them."""
    table = pq.read_table(Path("data/tokenized", name, "train.parquet"), columns=["input_ids"])
    lengths = table["input_ids"].combine_chunks().value_lengths()
    return len(table), int(lengths.to_numpy().sum())


if __name__ == "__main__":
    main()
