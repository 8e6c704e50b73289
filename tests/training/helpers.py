"""Ablations and paths for tests of training."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

from finesent.data.tokens import read_tokens
from finesent.kernels.encoder import use_kernels
from finesent.kernels.library import load_kernels
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.saving import load_classifier, load_dev_logits
from finesent.params.ablation import Ablation, merge_ablation
from finesent.params.train import Train, TrainParams
from finesent.training import loop
from finesent.training.ablation import Outcome, train_ablation
from finesent.training.setup import Paths
from finesent.validation import parse

DEFAULTS: dict[str, Any] = {
    "input": "plain",
    "pooling": "mean",
    "head": {"kind": "linear-tanh-linear", "dropout": 0.1},
    "losses": {"cross-entropy": {"weight": 1.0}},
    "unfreeze": {"policy": "never"},
    "learning_rate": {"head": 0.01, "backbone": 0.005},
    "weight_decay": 0.01,
    "schedule": {"shape": "linear", "warmup": 0.1},
    "max_grad_norm": 1.0,
    "batch": {"sentences": 8},
    "epochs": 4,
    "patience": None,
    "select": "accuracy+macro-f1",
}


def make_ablation(**changes: Any) -> Ablation:
    """The defaults above with some keys changed, merged as params.yaml's are."""
    return parse(Ablation, merge_ablation(DEFAULTS, changes), "test")


def make_params(
    seeds: list[int], micro_batch: int | None = None, precision: str = "float32", **more: float
) -> TrainParams:
    """Train params on the CPU, with a checkpoint after every epoch if ``more`` does not say otherwise."""
    content = {"device": "cpu", "precision": precision, "micro_batch": micro_batch, "checkpoint_seconds": 0}
    train = parse(Train, content | more, "test")
    return TrainParams(dataset="tiny", seeds=seeds, train=train)


def make_paths(root: Path, tokens: Path, backbone: Path) -> Paths:
    """Where a training run in ``root`` reads and writes."""
    return Paths(
        tokens=tokens,
        backbone=backbone,
        models=root / "models" / "a",
        history=root / "plots" / "a" / "history.csv",
        work=root / ".work",
    )


def train(
    root: Path, tokens: Path, backbone: Path, ablation: Ablation, seeds: list[int], **params: Any
) -> Outcome:
    """Train an ablation of five classes in ``root``; ``params`` go to :func:`make_params`."""
    return train_ablation("a", ablation, make_params(seeds, **params), 5, make_paths(root, tokens, backbone))


class Interrupted(Exception):
    """Raised in place of a kill at a chosen moment."""


@contextmanager
def interrupted_before(epoch: int) -> Iterator[None]:
    """Inside, every run stops where it would begin this epoch, and is expected to."""
    original = loop.Run._epoch

    def stopping(self: loop.Run, number: int, progress: Any) -> None:
        if number == epoch:
            raise Interrupted
        original(self, number, progress)

    with patch.object(loop.Run, "_epoch", stopping), pytest.raises(Interrupted):
        yield


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def history(root: Path) -> list[dict[str, str]]:
    """The rows of the history that :func:`train` left."""
    with (root / "plots" / "a" / "history.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(root: Path) -> list[dict[str, str]]:
    """Those rows without what differs each time that a run is made."""
    of_this_run = {"seconds", "sentences_per_second", "peak_memory"}
    return [{key: value for key, value in row.items() if key not in of_this_run} for row in history(root)]


def assert_scored_as_kept(folder: Path, tokens: Path) -> None:
    """The model as saved gives, to the bit, the dev logits that were saved beside it."""
    kept, _ = load_classifier(folder)
    # What training had compiled it also scored with.
    count = json.loads((folder / "classifier.json").read_text())["training"]["compiled_layers"]
    assert count == 0 or use_kernels(kept.encoder, load_kernels()) == count
    engine, dev = Engine(torch.device("cpu"), "float32"), read_tokens(tokens / "dev.parquet")
    logits = all_logits(engine, kept, all_features(engine, kept, dev))
    np.testing.assert_array_equal(logits, load_dev_logits(folder, len(dev)))
