"""Scores in a coarser scheme, against a loop over items."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.errors import FinesentError
from finesent.evaluation.metrics import majority_share, score
from finesent.evaluation.predictions import Predictions, ScoredSplit, TransferScored
from finesent.evaluation.transfer import as_classes, transfer_scores
from finesent.evaluation.transfer_results import transfer_sets

MakeTransfer = Callable[..., TransferScored]
# Written out once more, so that a slip in the schemes would show here.
SCHEMES: dict[tuple[int, int], list[int | None]] = {
    (5, 5): [0, 1, 2, 3, 4],
    (5, 3): [0, 0, 1, 2, 2],
    (5, 2): [0, 0, None, 1, 1],
    (3, 3): [0, 1, 2],
    (3, 2): [0, None, 1],
    (2, 2): [0, 1],
}


def naive(
    labels: np.ndarray, logits: np.ndarray, own: int, classes: int
) -> tuple[list[int], list[list[float]]]:
    """Mapped labels and probabilities of one seed, item by item."""
    kept, rows = [], []
    for label, row in zip(labels, logits, strict=True):
        mapped = SCHEMES[own, classes][label]
        if mapped is None:
            continue
        powers = [math.exp(float(v) - float(max(row))) for v in row]
        merged = [0.0] * classes
        for c, power in enumerate(powers):
            wanted = SCHEMES[len(row), classes][c]
            if wanted is not None:
                merged[wanted] += power / sum(powers)
        kept.append(mapped)
        rows.append([value / sum(merged) for value in merged])
    return kept, rows


def naive_ece(labels: list[int], rows: list[list[float]]) -> float:
    bins: dict[int, list[float]] = {}
    for label, row in zip(labels, rows, strict=True):
        confidence = max(row)
        bins.setdefault(math.ceil(confidence * 15), []).append((row.index(confidence) == label) - confidence)
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(labels)


@pytest.mark.parametrize(
    ("own", "studied", "classes"),
    [(5, 5, 5), (5, 5, 3), (5, 5, 2), (3, 5, 3), (3, 5, 2), (2, 5, 2), (5, 3, 3), (3, 3, 2), (2, 2, 2)],
)
def test_matches_a_loop(own: int, studied: int, classes: int) -> None:
    generator = np.random.default_rng([own, studied, classes])
    labels = generator.integers(0, own, 80)
    logits = generator.normal(scale=2, size=(2, 80, studied)).astype(np.float32)
    split = ScoredSplit([str(i) for i in range(80)], labels, labels, logits)
    scored = TransferScored("d", "t", [str(c) for c in range(own)], [classes], 0, split)
    found = transfer_scores(scored, classes)
    for scores, of_seed in zip(found, logits, strict=True):
        kept, rows = naive(labels, of_seed, own, classes)
        predicted = [row.index(max(row)) for row in rows]
        apart = [abs(y - p) for y, p in zip(kept, predicted, strict=True)]
        f1 = []
        for c in range(classes):
            right = sum(y == p == c for y, p in zip(kept, predicted, strict=True))
            named = kept.count(c) + predicted.count(c)
            f1.append(2 * right / named if named else 0.0)
        assert scores.accuracy == pytest.approx(apart.count(0) / len(kept))
        assert scores.macro_f1 == pytest.approx(sum(f1) / classes)
        assert scores.mae == pytest.approx(sum(apart) / len(kept))
        assert scores.within_1 == pytest.approx(sum(a <= 1 for a in apart) / len(kept))
        assert scores.ece == pytest.approx(naive_ece(kept, rows))


def test_the_studys_own_scheme_gives_the_usual_scores(transfer: MakeTransfer) -> None:
    scored = transfer("amazon", 5, [5])
    split = scored.split
    for found, logits in zip(transfer_scores(scored, 5), split.logits, strict=True):
        usual = score(split.labels, logits)
        assert vars(found) == pytest.approx(vars(usual), abs=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5]))
def test_probabilities_sum_to_one_and_neutral_is_no_answer(seed: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    labels = np.concatenate([[0, 4], generator.integers(0, 5, 20)])
    # Some so sure of neutral that nothing would be left for the others.
    logits = generator.normal(scale=400, size=(2, 22, 5)).astype(np.float32)
    split = ScoredSplit([""] * 22, labels, labels, logits)
    kept, merged = as_classes(TransferScored("d", "t", list("abcde"), [classes], 0, split), classes)
    np.testing.assert_allclose(merged.sum(axis=2), 1)
    assert merged.shape == (2, len(kept), classes)
    assert len(kept) == (np.sum(labels != 2) if classes == 2 else 22)


def test_a_class_that_the_model_never_saw_is_refused(transfer: MakeTransfer) -> None:
    scored = transfer("amazon", 5, [5])
    narrow = replace(scored, split=replace(scored.split, logits=scored.split.logits[:, :, :3]))
    with pytest.raises(FinesentError, match=r"amazon-data.*3 classes cannot be read as 5"):
        transfer_scores(narrow, 5)
    assert len(transfer_scores(narrow, 3)) == 3
    with pytest.raises(FinesentError, match="4 classes cannot be read as 3"):
        transfer_scores(transfer("odd", 4, [3]), 3)


def test_a_set_of_neutral_items_alone_cannot_be_scored_at_two_classes(transfer: MakeTransfer) -> None:
    scored = transfer("sst", 3, [2])
    neutral = replace(scored, split=replace(scored.split, labels=np.ones(30, np.int64)))
    with pytest.raises(FinesentError, match="none of its items"):
        transfer_scores(neutral, 2)


def test_sets_hold_every_ablation_at_every_number_of_classes(
    make: Callable[..., Predictions], transfer: MakeTransfer
) -> None:
    sst = transfer("sst", 5, [5, 2])
    predictions = {name: replace(make(name), transfer={"sst": sst}) for name in ("baseline", "after-n")}
    found = transfer_sets(predictions)["sst"]
    assert (found.dataset, found.title, found.shared_with_train) == ("sst-data", "The set sst", 7)
    labels = sst.split.labels
    assert found.n == {5: 30, 2: int((labels != 2).sum())}
    assert found.majority[5] == pytest.approx(majority_share(labels), abs=1e-6)
    assert set(found.scores) == {"baseline", "after-n"}
    accuracies = [scores.accuracy for scores in transfer_scores(sst, 2)]
    assert found.scores["baseline"][2]["accuracy"].mean == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert transfer_sets({"baseline": make()}) == {}
