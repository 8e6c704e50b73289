"""What ours and the peers are all given: rows, epochs and seed; and what they all tell.

Nothing here imports finesent: the peers run in an environment of their own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from benchmarks.ceiling import ceiling, training_operations
from benchmarks.recipe import EPOCHS


@dataclass(frozen=True)
class Task:
    """A training run.

    Attributes:
        data: folder with what download, clean, sample and tokenize made.
        seed: of the order, the head and the dropout.
        rows: so many, drawn at random with the seed; None is all.
        epochs: the first of them meets every shape of batch for the first time.
    """

    data: Path
    seed: int
    rows: int | None
    epochs: int

    @property
    def backbone(self) -> Path:
        """Folder of the weights that every run starts from."""
        return self.data / "backbone"

    def take(self, table: pa.Table) -> pa.Table:
        """Return the task's rows of the whole training table, the same for everybody."""
        count = len(table) if self.rows is None else min(self.rows, len(table))
        return table.take(np.random.default_rng(self.seed).permutation(len(table))[:count])

    def train(self) -> tuple[list[str], list[int]]:
        """Return texts and labels of the training rows."""
        return _texts(self.take(pq.read_table(self.data / "sampled" / "train.parquet")))

    def dev(self) -> tuple[list[str], list[int]]:
        """Return texts and labels of the dev split."""
        return _texts(pq.read_table(self.data / "clean" / "dev.parquet"))


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that make a :class:`Task`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that the data stages filled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, help="training rows; all of them by default")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    return parser


def task_of(options: argparse.Namespace) -> Task:
    """Return the task that the options state."""
    return Task(options.data, options.seed, options.rows, options.epochs)


def encoder_weights(named: Iterable[tuple[str, nn.Parameter]]) -> int:
    """Return how many weights of an encoder are multiplied with every token: all but the embeddings."""
    return sum(weight.numel() for name, weight in named if "embeddings." not in name)


def tell(
    sentences: int, tokens: int, seconds: Sequence[float], weights: int, dev_accuracy: float
) -> dict[str, float]:
    """Print the figures of a training run as the line that the parent waits for, and return them.

    Args:
        sentences: of one epoch.
        tokens: of one epoch, without padding.
        seconds: of training in each epoch, without scoring.
        weights: of the encoder, without its embeddings.
        dev_accuracy: after the last epoch.
    """
    highest = ceiling()
    figures = {
        "sentences": sentences,
        "tokens": tokens,
        "epochs": len(seconds),
        "first_speed": sentences / seconds[0],
        "speed": sentences / seconds[-1],
        "training_seconds": sum(seconds),
        "ceiling": highest,
        "share_of_ceiling": training_operations(weights, tokens) / seconds[-1] / highest,
        "dev_accuracy": dev_accuracy,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures), flush=True)
    return figures


def _texts(table: pa.Table) -> tuple[list[str], list[int]]:
    return table["text"].to_pylist(), table["label"].to_pylist()
