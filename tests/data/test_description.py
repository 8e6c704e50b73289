"""The numbers that describe a study's data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.description import describe, is_sorted_by_label
from finesent.data.overlaps import compared, find_overlaps
from finesent.data.rows import Rows
from tests.data.stored import rows_of

TRAIN = [("one two three", 0), ("ONE two, three", 1), ("four", 0), ("one two three", 0)]
TEST = [("One two three.", 1), ("five six", 2)]
NEAR = "the plot of this film holds together very well"


def frame(name: str, rows: list[tuple[str, int]]) -> Rows:
    columns = {
        "id": [f"{name}-{number}" for number in range(len(rows))],
        "text": [text for text, _ in rows],
        "label": [label for _, label in rows],
    }
    return rows_of(pd.DataFrame(columns))


def described(
    more: list[tuple[str, int]], labels: list[str], similarity: float | None = 0.6
) -> dict[str, Any]:
    three = ["low", "middle", "high"]
    splits = {
        "train": frame("train", [*TRAIN, (NEAR, 1)]),
        "dev": frame("dev", [("x", 0)]),
        "test": frame("test", TEST),
        "more": frame("more", more),
    }
    overlaps = find_overlaps(splits, similarity)
    pairs = overlaps.pairs(*compared(splits))
    schemes = {**dict.fromkeys(("train", "dev", "test"), three), "more": labels}
    return describe(splits, schemes, pairs, similarity is not None)


def test_rows_that_repeat_another_are_counted_once_each() -> None:
    report = described([("FOUR", 1), (NEAR.replace("very", "rather"), 1)], ["low", "middle", "high"])
    assert report["rows"] == {"train": 5, "dev": 1, "test": 2, "more": 2}
    assert report["exact_duplicates"] == {
        "within": {"train": 2, "dev": 0, "test": 0, "more": 0},
        "across": {"train-dev": 0, "train-test": 1, "dev-test": 0, "train-more": 1},
    }
    assert report["near_duplicates"] == {
        "within": {"train": 0, "dev": 0, "test": 0, "more": 0},
        "across": {"train-dev": 0, "train-test": 0, "dev-test": 0, "train-more": 1},
    }
    assert report["label_conflicts"] == {
        "within": {"train": 1, "dev": 0, "test": 0, "more": 0},
        "across": {"train-dev": 0, "train-test": 1, "dev-test": 0, "train-more": 1},
    }


def test_labels_of_other_classes_cannot_be_in_conflict() -> None:
    report = described([("FOUR", 1)], ["bad", "good"])
    assert report["exact_duplicates"]["across"]["train-more"] == 1
    assert "train-more" not in report["label_conflicts"]["across"]
    assert report["labels"]["more"] == {"bad": 0.0, "good": 1.0}


def test_what_was_not_looked_for_has_no_count() -> None:
    report = described([("FOUR", 1)], ["bad", "good"], similarity=None)
    assert report["near_duplicates"] == {"within": {}, "across": {}}


def test_shares_and_lengths() -> None:
    report = described([("a b c", 0), ("a", 0), ("a b", 1)], ["bad", "good"])
    assert report["labels"]["more"] == {"bad": 0.666667, "good": 0.333333}
    assert report["labels"]["test"] == {"low": 0.0, "middle": 0.5, "high": 0.5}
    assert report["words"]["more"] == {"min": 1, "median": 2.0, "mean": 2.0, "p95": 2.9, "max": 3}


def numbers_only(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(numbers_only, value.values()))
    return type(value) in (int, float)


def test_the_report_is_nothing_but_numbers() -> None:
    assert numbers_only(described([("a", 0)], ["bad", "good"]))


@pytest.mark.parametrize(
    ("labels", "flagged"),
    [
        (np.repeat([0, 1, 2], 100), True),
        (np.repeat([2, 0, 1], 100), True),
        # Two sorted files, one after the other.
        (np.tile(np.repeat([0, 1, 2], 50), 2), True),
        # A tenth of the rows shuffled among the others.
        (np.where(np.arange(300) % 50 == 0, 2, np.repeat([0, 1, 2], 100)), True),
        (np.tile([0, 1, 2], 100), False),
        (np.zeros(300, dtype=np.int64), False),
        (np.array([0, 0, 1, 1]), False),
        (np.array([], dtype=np.int64), False),
    ],
)
def test_sorted_rows_are_told_from_others(labels: np.ndarray, flagged: bool) -> None:
    assert is_sorted_by_label(labels) is flagged


@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6), size=st.integers(60, 300))
def test_shuffled_rows_are_never_called_sorted(seed: int, classes: int, size: int) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, size)
    assert not is_sorted_by_label(labels)
