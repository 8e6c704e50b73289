"""Metrics against naive loops in float64, and properties that they must have."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from finesent.evaluation.metrics import (
    CalibrationBin,
    LengthBin,
    calibration_bins,
    calibration_error,
    confusion,
    distances,
    has_collapsed,
    length_bins,
    majority_share,
    per_class,
    per_length_bin,
    probabilities,
    quadratic_kappa,
    score,
    score_probabilities,
)

CLASSES = 5


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    labels = draw(arrays.arrays(np.int64, n, elements=st.integers(0, CLASSES - 1)))
    logits = draw(arrays.arrays(np.float32, (n, CLASSES), elements=st.floats(-30, 30, width=32)))
    return labels, logits


def naive_f1(labels: np.ndarray, predicted: np.ndarray) -> list[float]:
    scores = []
    for c in range(CLASSES):
        tp = sum(1 for y, p in zip(labels, predicted, strict=True) if y == c and p == c)
        fp = sum(1 for y, p in zip(labels, predicted, strict=True) if y != c and p == c)
        fn = sum(1 for y, p in zip(labels, predicted, strict=True) if y == c and p != c)
        scores.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0)
    return scores


def naive_kappa(labels: np.ndarray, predicted: np.ndarray) -> float:
    n = len(labels)
    observed = sum((int(y) - int(p)) ** 2 for y, p in zip(labels, predicted, strict=True)) / n
    expected = sum((int(y) - int(p)) ** 2 for y in labels for p in predicted) / n**2
    return 1 - observed / expected if expected else 0.0


def naive_ece(labels: np.ndarray, logits: np.ndarray, bins: int = 15) -> float:
    members: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for label, row in zip(labels, logits.astype(np.float64), strict=True):
        powers = [math.exp(value - max(row)) for value in row]
        confidence = max(powers) / sum(powers)
        which = next(m for m in range(bins) if confidence <= (m + 1) / bins or m == bins - 1)
        members[which].append((confidence, int(np.argmax(row)) == label))
    gaps = [
        len(inside) * abs(np.mean([hit for _, hit in inside]) - np.mean([conf for conf, _ in inside]))
        for inside in members
        if inside
    ]
    return float(sum(gaps) / len(labels))


@settings(max_examples=100)
@given(scored())
def test_matches_naive_loops(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, logits = case
    predicted = logits.argmax(axis=1)
    result = score(labels, logits)
    distance = [abs(int(y) - int(p)) for y, p in zip(labels, predicted, strict=True)]
    assert result.accuracy == pytest.approx(sum(d == 0 for d in distance) / len(labels))
    assert result.within_1 == pytest.approx(sum(d <= 1 for d in distance) / len(labels))
    assert result.mae == pytest.approx(sum(distance) / len(labels))
    assert result.macro_f1 == pytest.approx(sum(naive_f1(labels, predicted)) / CLASSES)
    assert result.quadratic_kappa == pytest.approx(naive_kappa(labels, predicted), abs=1e-9)
    assert [entry.f1 for entry in per_class(labels, predicted, CLASSES)] == pytest.approx(
        naive_f1(labels, predicted)
    )


@settings(max_examples=50)
@given(scored(), st.integers(0, 2**32 - 1))
def test_ranges_and_order_of_items(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    labels, logits = case
    result = score(labels, logits)
    for name in ("accuracy", "macro_f1", "within_1", "ece"):
        assert 0 <= getattr(result, name) <= 1 + 1e-12
    assert 0 <= result.mae <= CLASSES - 1
    assert -1 - 1e-12 <= result.quadratic_kappa <= 1
    assert result.accuracy <= result.within_1
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = score(labels[order], logits[order])
    for name, value in vars(result).items():
        assert getattr(shuffled, name) == pytest.approx(value, abs=1e-9)


@settings(max_examples=30)
@given(arrays.arrays(np.int64, st.integers(5, 40), elements=st.integers(0, CLASSES - 1)))
def test_perfect_predictions(labels: np.ndarray) -> None:
    labels = np.concatenate([np.arange(CLASSES), labels])
    result = score(labels, np.where(np.eye(CLASSES)[labels] > 0, 50.0, -50.0).astype(np.float32))
    assert (result.accuracy, result.macro_f1, result.within_1, result.mae) == (1, 1, 1, 0)
    assert result.quadratic_kappa == pytest.approx(1)
    assert result.ece == pytest.approx(0)


def ece(labels: np.ndarray, logits: np.ndarray) -> float:
    return score(labels, logits).ece


def test_calibration_error_matches_a_naive_loop() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2, size=(500, CLASSES)).astype(np.float32)
    labels = generator.integers(0, CLASSES, 500)
    assert ece(labels, logits) == pytest.approx(naive_ece(labels, logits))


def test_calibration_error_of_a_known_case() -> None:
    # Two items at a confidence of 1, one of them wrong: |1/2 - 1|.
    logits = np.array([[100.0, 0.0], [100.0, 0.0]], np.float32)
    assert ece(np.array([0, 1]), logits) == pytest.approx(0.5)
    # Both certain of 1/2, which lies in one bin, and one right.
    assert ece(np.array([0, 1]), np.zeros((2, 2), np.float32)) == pytest.approx(0)


def test_calibration_survives_large_logits() -> None:
    assert ece(np.array([0]), np.array([[3e38, -3e38]], np.float32)) == 0


def test_calibration_bins_are_closed_on_the_right_and_empty_ones_left_out() -> None:
    confidence = np.array([0.5, 0.5000001, 0.4, 1.0])
    bins = calibration_bins(confidence, np.array([True, False, True, True]), bins=2)
    assert bins == [
        CalibrationBin(pytest.approx(0.45), 1.0, 2),
        CalibrationBin(pytest.approx(0.75, abs=1e-6), 0.5, 2),
    ]
    assert calibration_error(bins) == pytest.approx((2 * 0.55 + 2 * 0.25) / 4, abs=1e-6)
    assert calibration_bins(np.array([0.3]), np.array([False])) == [CalibrationBin(0.3, 0.0, 1)]


def test_probabilities_are_a_softmax_in_float64() -> None:
    logits = np.array([[[1.0, 2.0, 0.5], [88.0, -88.0, 0.0]]], np.float32)
    expected = [[[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in logits[0].tolist()]]
    np.testing.assert_allclose(probabilities(logits), expected, rtol=1e-12)
    assert probabilities(logits).dtype == np.float64


def test_logits_that_round_to_equal_probabilities_are_told_apart() -> None:
    logits = np.array([[1e-30, 2e-30]], np.float32)
    assert probabilities(logits)[0, 0] == probabilities(logits)[0, 1]
    assert score(np.array([1]), logits).accuracy == 1


def test_scores_of_probabilities_are_those_of_their_logits() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(scale=2, size=(200, CLASSES)).astype(np.float32)
    labels = generator.integers(0, CLASSES, 200)
    assert score_probabilities(labels, probabilities(logits)) == score(labels, logits)


def test_distances_are_shares_over_all_seeds() -> None:
    labels = np.array([0, 2, 4, 1])
    predicted = np.array([[0, 3, 0, 1], [1, 2, 3, 1]])
    assert distances(labels, predicted, 5) == [4 / 8, 3 / 8, 0, 0, 1 / 8]


def test_macro_f1_counts_classes_that_never_occur() -> None:
    labels = np.array([0, 1, 0, 1])
    logits = np.eye(CLASSES, dtype=np.float32)[labels]
    assert score(labels, logits).macro_f1 == pytest.approx(2 / 5)


def test_undefined_kappa_is_zero() -> None:
    same = np.zeros(4, np.int64)
    assert quadratic_kappa(same, same, CLASSES) == 0
    assert quadratic_kappa(same, same + 1, CLASSES) == 0


def test_confusion_has_true_classes_in_rows() -> None:
    counts = confusion(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_per_class_support() -> None:
    entries = per_class(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert [entry.support for entry in entries] == [2, 0, 1]
    assert (entries[0].precision, entries[0].recall) == (1, 0.5)
    assert (entries[1].precision, entries[1].recall, entries[1].f1) == (0, 0, 0)


def test_length_bins_are_quartiles_of_the_split() -> None:
    words = np.array([8, 1, 2, 3, 4, 5, 6, 7])
    correct = np.array([[True, True, False, False, True, True, True, False]] * 2)
    assert per_length_bin(words, correct) == [
        LengthBin(1, 2, 2, 0.5),
        LengthBin(3, 4, 2, 0.5),
        LengthBin(5, 6, 2, 1.0),
        LengthBin(7, 8, 2, 0.5),
    ]


def test_length_bins_number_the_quartiles() -> None:
    assert length_bins(np.array([8, 1, 2, 3, 4, 5, 6, 7])).tolist() == [3, 0, 0, 1, 1, 2, 2, 3]


def test_texts_of_one_length_share_one_bin() -> None:
    assert per_length_bin(np.full(6, 9), np.arange(6) < 3) == [LengthBin(9, 9, 6, 0.5)]


@settings(max_examples=50)
@given(arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(1, 60)))
def test_length_bins_cover_every_item_once(words: np.ndarray) -> None:
    bins = per_length_bin(words, np.ones(len(words), bool))
    assert sum(entry.n for entry in bins) == len(words)
    assert all(before.longest < after.shortest for before, after in pairwise(bins))


def test_collapse_is_within_two_points_of_the_majority() -> None:
    labels = np.repeat([0, 1], [60, 40])
    assert majority_share(labels) == 0.6
    assert has_collapsed(labels, np.zeros(100, np.int64))

    def right(count: int) -> np.ndarray:
        return np.where(np.arange(100) < count, labels, 1 - labels)

    assert has_collapsed(labels, right(10))
    assert has_collapsed(labels, right(62))
    assert not has_collapsed(labels, right(63))
