"""Small, seeded predictions for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from finesent.evaluation.predictions import Predictions, ScoredSplit, TransferScored

LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]


def make_predictions(
    ablation: str = "baseline",
    seeds: tuple[int, ...] = (0, 1, 2),
    skill: float = 1.0,
    items: dict[str, int] | None = None,
) -> Predictions:
    """Predictions on made-up items that are the same for every ablation; ``skill`` lifts the right logit."""
    splits = {
        name: make_split(ablation, name, seeds, skill, n)
        for name, n in (items or {"dev": 40, "test": 60}).items()
    }
    return Predictions(ablation, "made-up", LABELS, list(seeds), splits)


def make_split(
    ablation: str, name: str, seeds: tuple[int, ...], skill: float, n: int, own: int = len(LABELS)
) -> ScoredSplit:
    """A split of ``n`` items whose labels are of ``own`` classes, scored over the five of LABELS."""
    world = np.random.default_rng(n)
    labels = world.integers(0, own, n)
    words = world.integers(1, 40, n)
    noise = np.random.default_rng([n, len(ablation)]).normal(size=(len(seeds), n, len(LABELS)))
    logits = noise + skill * (labels[:, None] == np.arange(len(LABELS)))
    return ScoredSplit([f"{name}-{i}" for i in range(n)], labels, words, logits.astype(np.float32))


def make_transfer(
    name: str, own: int, classes: list[int], seeds: tuple[int, ...] = (0, 1, 2), n: int = 30
) -> TransferScored:
    """A further test set of ``own`` classes."""
    labels = [f"class {number}" for number in range(own)]
    split = make_split("baseline", name, seeds, 1.0, n, own)
    return TransferScored(f"{name}-data", f"The set {name}", labels, classes, 7, split)


@pytest.fixture
def transfer() -> Callable[..., TransferScored]:
    """The builder of a further test set."""
    return make_transfer


@pytest.fixture
def make() -> Callable[..., Predictions]:
    """The builder of small predictions."""
    return make_predictions
