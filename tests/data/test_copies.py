"""Which rows of train go because they stand elsewhere too."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.cleaning import normalised
from finesent.data.copies import remove_duplicates
from finesent.data.rows import Rows
from finesent.params.clean import Clean
from tests.data.stored import rows_of

Choice = Literal["drop", "keep"]


def frame(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"row-{number}" for number in range(len(rows))],
            "text": pd.Series([text for text, _ in rows], dtype="str"),
            "label": pd.Series([label for _, label in rows], dtype="int64"),
        }
    )


def rules(repeated: Choice = "drop", shared: Choice = "drop") -> Clean:
    return Clean(
        recipe="none", repeated_in_train=repeated, shared_with_dev_or_test=shared, near_duplicates=None
    )


def stored(splits: dict[str, pd.DataFrame]) -> dict[str, Rows]:
    return {name: rows_of(rows) for name, rows in splits.items()}


def splits() -> dict[str, pd.DataFrame]:
    return {
        "train": frame(
            ("Good film", 1),
            ("good  FILM", 1),
            ("good film", 0),
            ("Shared", 0),
            ("shared ", 1),
            ("in test", 1),
            ("alone", 0),
            ("ALONE", 0),
            ("In Test", 1),
            ("last", 1),
        ),
        "dev": frame(("shared", 0), ("SHARED", 1), ("x", 0)),
        "test": frame(("in  test", 1), ("X", 0), ("y", 0), ("y", 0)),
    }


@pytest.mark.parametrize(
    ("repeated", "shared", "kept"),
    [
        ("drop", "drop", [0, 2, 6, 9]),
        ("drop", "keep", [0, 2, 3, 4, 5, 6, 9]),
        ("keep", "drop", [0, 1, 2, 6, 7, 9]),
        ("keep", "keep", list(range(10))),
    ],
)
def test_the_rules_say_which_rows_go(repeated: Choice, shared: Choice, kept: list[int]) -> None:
    train, counts = remove_duplicates(stored(splits()), rules(repeated, shared))
    assert train.frame()["id"].tolist() == [f"row-{number}" for number in kept]
    assert train.columns() == ["id", "text", "label"]
    assert counts == {
        "train_shared_with_dev_or_test": 4,
        "train_repeated": 3,
        "train_conflicting_labels": 2,
        "dev_repeated": 1,
        "test_repeated": 1,
        "dev_shared_with_test": 1,
        "train_dropped_as_duplicates": 10 - len(kept),
        "train_dropped_as_near_duplicates": 0,
    }


def test_near_duplicates_go_too_and_are_counted_apart() -> None:
    nearly = np.array([False] * 6 + [True, True, True, False])
    train, counts = remove_duplicates(stored(splits()), rules("drop", "drop"), nearly)
    assert train.frame()["id"].tolist() == ["row-0", "row-2", "row-9"]
    assert (counts["train_dropped_as_duplicates"], counts["train_dropped_as_near_duplicates"]) == (6, 1)


def test_without_copies_nothing_goes() -> None:
    distinct = {"train": frame(("a", 0), ("b", 1)), "dev": frame(("c", 0)), "test": frame(("d", 1))}
    train, counts = remove_duplicates(stored(distinct), rules())
    pd.testing.assert_frame_equal(train.frame(), distinct["train"])
    assert set(counts.values()) == {0}


@given(
    texts=st.lists(
        st.tuples(st.sampled_from(["a", "A", "b", "c c", "C  c", "d"]), st.integers(0, 1)), max_size=12
    ),
    held_out=st.lists(st.sampled_from(["a", "B", "e"]), max_size=3),
)
def test_what_is_left_stands_once_and_not_in_dev_or_test(
    texts: list[tuple[str, int]], held_out: list[str]
) -> None:
    held = frame(*((text, 0) for text in held_out))
    kept, _ = remove_duplicates(stored({"train": frame(*texts), "dev": held, "test": held}), rules())
    train = kept.frame()
    left = [(normalised(text), label) for text, label in zip(train["text"], train["label"], strict=True)]
    forbidden = {normalised(text) for text in held_out}
    assert len(left) == len(set(left))
    assert set(left) == {
        (normalised(text), label) for text, label in texts if normalised(text) not in forbidden
    }
