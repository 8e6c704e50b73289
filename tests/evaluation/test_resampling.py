"""Resampled metrics against a loop that really repeats items, with scikit-learn's metrics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from finesent.evaluation import resampling
from finesent.evaluation.metrics import quadratic_kappa
from finesent.evaluation.resampling import resample
from finesent.evaluation.results import METRICS

CLASSES = 5


def rules(resamples: int = 50, seed: int = 0) -> Any:
    return SimpleNamespace(resamples=resamples, seed=seed)


def made_up(seeds: int, items: int, right: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, items)
    guesses = generator.integers(0, CLASSES, (seeds, items))
    return labels, np.where(generator.random((seeds, items)) < right, labels, guesses)


def naive(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    return {
        "accuracy": accuracy_score(labels, predicted),
        "macro_f1": f1_score(labels, predicted, labels=range(CLASSES), average="macro", zero_division=0),
        "mae": float(np.mean(np.abs(labels - predicted))),
        "quadratic_kappa": cohen_kappa_score(labels, predicted, weights="quadratic"),
    }


@pytest.mark.parametrize("chunk", [1 << 22, 100])
def test_matches_a_loop_over_repeated_items(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_CHUNK", chunk)
    labels, ours = made_up(seeds=3, items=40, right=0.4)
    ours[ours == 4] = 3  # a class that is never predicted
    _, other = made_up(seeds=3, items=40, right=0.7, seed=1)
    found = resample(labels, {"ours": ours, "other": other}, CLASSES, rules(20))
    # The same draws again: seeds first, then items in chunks.
    generator = np.random.default_rng(0)
    seed_counts = resampling._counts(3, 20, generator)
    item_counts = np.concatenate(list(resampling.item_counts(40, 20, generator)))
    np.testing.assert_array_equal(found.seed_counts, seed_counts)
    for name, predicted in (("ours", ours), ("other", other)):
        for seed in range(3):
            for metric, value in naive(labels, predicted[seed]).items():
                assert found.observed[metric][name][seed] == pytest.approx(value)
            for row in range(20):
                items = np.repeat(np.arange(40), item_counts[row])
                for metric, value in naive(labels[items], predicted[seed, items]).items():
                    assert found.resampled[metric][name][row, seed] == pytest.approx(value)


def test_counts_are_multinomial() -> None:
    counts = resampling._counts(7, 2000, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    # The variance of a multinomial count with n = 7 and p = 1/7.
    np.testing.assert_allclose(counts.var(axis=0), 7 * (1 / 7) * (6 / 7), rtol=0.15)


def test_chunks_are_bounded_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_CHUNK", 1000)
    sizes = [rows.shape for rows in resampling.item_counts(300, 100, np.random.default_rng(0))]
    assert sizes == [(3, 300)] * 33 + [(1, 300)]


def test_kappa_without_disagreement_by_chance_is_zero() -> None:
    labels = np.full(10, 2)
    found = resample(labels, {"ours": np.full((2, 10), 2)}, CLASSES, rules())
    assert quadratic_kappa(labels, labels, CLASSES) == 0.0
    assert (found.resampled["quadratic_kappa"]["ours"] == 0).all()
    assert (found.resampled["mae"]["ours"] == 0).all()


def test_sums_stay_exact_for_large_sets() -> None:
    assert resampling._sum_type(2210, 5) is np.float32
    assert resampling._sum_type(2_000_000, 5) is np.float64
    labels, ours = made_up(1, 200, right=0.5)
    exact = resample(labels, {"ours": ours}, CLASSES, rules()).resampled
    for metric in METRICS:
        assert np.isfinite(exact[metric]["ours"]).all()


def test_same_seed_same_resamples() -> None:
    labels, ours = made_up(2, 60, right=0.5)
    first, again, other = (
        resample(labels, {"ours": ours}, CLASSES, rules(seed=seed)).resampled["accuracy"]["ours"]
        for seed in (0, 0, 1)
    )
    assert (first == again).all() and (first != other).any()
