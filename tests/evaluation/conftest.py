"""Small, seeded predictions for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from finesent.evaluation.predictions import Predictions, ScoredSplit

LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]


def make_predictions(
    ablation: str = "baseline",
    seeds: tuple[int, ...] = (0, 1, 2),
    skill: float = 1.0,
    items: dict[str, int] | None = None,
) -> Predictions:
    """Predictions on made-up items that are the same for every ablation; ``skill`` lifts the right logit."""
    splits = {}
    for name, n in (items or {"dev": 40, "test": 60}).items():
        world = np.random.default_rng(n)
        labels = world.integers(0, len(LABELS), n)
        words = world.integers(1, 40, n)
        noise = np.random.default_rng([n, len(ablation)]).normal(size=(len(seeds), n, len(LABELS)))
        logits = noise + skill * (labels[:, None] == np.arange(len(LABELS)))
        splits[name] = ScoredSplit(
            [f"{name}-{i}" for i in range(n)], labels, words, logits.astype(np.float32)
        )
    return Predictions(ablation, "made-up", LABELS, list(seeds), splits)


@pytest.fixture
def make() -> Callable[..., Predictions]:
    """The builder of small predictions."""
    return make_predictions
