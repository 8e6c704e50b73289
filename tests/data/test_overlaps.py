"""Rows that stand more than once: all pairs across splits, and the first of its kind within one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.data import overlaps as module
from finesent.data.duplicates import duplicate_key, jaccard, shingles
from finesent.data.overlaps import compared, find_overlaps, require_few, write_pairs
from finesent.data.rows import Rows
from finesent.errors import FinesentError
from tests.data.stored import rows_of

LONG = "the plot of this film holds together very well"
NEAR = "the plot of this film holds together rather well"


def frame(name: str, *rows: tuple[str, int]) -> Rows:
    texts, labels = zip(*rows, strict=True) if rows else ((), ())
    frame = pd.DataFrame(
        {
            "id": pd.Series([f"{name}-{number}" for number in range(len(rows))], dtype="str"),
            "text": pd.Series(texts, dtype="str"),
            "label": pd.Series(labels, dtype="int64"),
        }
    )
    return rows_of(frame)


def splits() -> dict[str, Rows]:
    return {
        "train": frame(
            "train", (LONG, 1), ("Fine.", 1), (LONG.upper(), 0), ("fine", 0), ("other", 0), (NEAR, 1)
        ),
        "dev": frame("dev", ("FINE!", 0), ("alone", 1)),
        "test": frame("test", (NEAR + "!", 1), (LONG, 1)),
    }


def rows(pairs: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(zip(pairs["kind"], pairs["first_id"], pairs["second_id"], strict=True))


def test_within_a_split_a_copy_is_reported_beside_the_first() -> None:
    overlaps = find_overlaps(splits(), 0.6)
    assert rows(overlaps.pairs(("train", "train"))) == [
        ("exact", "train-0", "train-2"),
        ("exact", "train-1", "train-3"),
        ("near", "train-0", "train-5"),
    ]
    assert rows(overlaps.pairs(("dev", "dev"))) == []


def test_across_splits_every_pair_is_reported_the_exact_ones_first() -> None:
    overlaps = find_overlaps(splits(), 0.6)
    assert rows(overlaps.pairs(("train", "test"))) == [
        ("exact", "train-5", "test-0"),
        ("near", "train-0", "test-0"),
        ("near", "train-2", "test-0"),
        ("exact", "train-0", "test-1"),
        ("exact", "train-2", "test-1"),
        ("near", "train-5", "test-1"),
    ]
    pair = overlaps.pairs(("train", "dev")).iloc[0].to_dict()
    assert pair == {
        "kind": "exact", "similarity": 1.0,
        "first_split": "train", "first_id": "train-1", "first_label": 1, "first_text": "Fine.",
        "second_split": "dev", "second_id": "dev-0", "second_label": 0, "second_text": "FINE!",
    }  # fmt: skip


def test_near_duplicates_are_left_alone_where_nobody_asks_for_them() -> None:
    overlaps = find_overlaps(splits(), None)
    assert set(overlaps.pairs(("train", "test"))["kind"]) == {"exact"}
    assert overlaps.held_by("train", ("test",)).tolist() == [True, False, True, False, False, True]


def test_a_row_is_held_if_another_split_has_its_text_or_nearly() -> None:
    only_near = {**splits(), "test": frame("test", (NEAR + "!", 1))}
    overlaps = find_overlaps(only_near, 0.6)
    assert overlaps.held_by("train", ("test",)).tolist() == [True, False, True, False, False, True]
    assert overlaps.held_by("train", ("dev", "test")).tolist() == [True, True, True, True, False, True]
    assert overlaps.held_by("test", ("dev",)).tolist() == [False]
    assert find_overlaps(only_near, 0.95).held_by("train", ("test",)).tolist() == [False] * 5 + [True]


words = st.lists(st.sampled_from(["good", "bad", "film", "Plot", "!"]), min_size=1, max_size=4).map(" ".join)
some_rows = st.lists(st.tuples(words, st.integers(0, 2)), max_size=8)


@settings(max_examples=60)
@given(train=some_rows, test=some_rows)
def test_pairs_across_are_those_of_a_double_loop(
    train: list[tuple[str, int]], test: list[tuple[str, int]]
) -> None:
    overlaps = find_overlaps({"train": frame("train", *train), "test": frame("test", *test)}, 0.6)
    expected = {}
    for (i, (one, _)), (j, (other, _)) in product(enumerate(train), enumerate(test)):
        first, second = duplicate_key(one), duplicate_key(other)
        similarity = jaccard(shingles(first), shingles(second))
        if first == second or similarity >= 0.6:
            expected[f"train-{i}", f"test-{j}"] = 1.0 if first == second else similarity
    pairs = overlaps.pairs(("train", "test"))
    found = dict(
        zip(zip(pairs["first_id"], pairs["second_id"], strict=True), pairs["similarity"], strict=True)
    )
    # A pair may be missed, with a small probability; it may not be invented, nor an exact one missed.
    assert found.items() <= expected.items()
    assert {pair for pair, value in expected.items() if value == 1.0} <= found.keys()
    held = {f"test-{j}" for j in np.flatnonzero(overlaps.held_by("test", ("train",)))}
    assert held == {second for _, second in found}


def test_further_test_sets_are_compared_with_train_alone() -> None:
    assert compared(["train", "dev", "test", "tweets"]) == [
        *((name, name) for name in ("train", "dev", "test", "tweets")),
        ("train", "dev"),
        ("train", "test"),
        ("dev", "test"),
        ("train", "tweets"),
    ]


def test_near_duplicates_are_not_looked_for_among_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FOR_NEAR", 1000)
    require_few(1000)
    with pytest.raises(FinesentError, match=r"there are 1,001 rows, and .* among 1,000 at most"):
        require_few(1001)


@pytest.mark.parametrize("similarity", [None, 0.6])
def test_the_file_has_the_same_columns_with_pairs_and_without(
    tmp_path: Path, similarity: float | None
) -> None:
    empty = {name: frame(name) for name in ("train", "dev", "test")}
    write_pairs(tmp_path / "none.parquet", find_overlaps(empty, similarity).pairs(("train", "test")))
    write_pairs(tmp_path / "some.parquet", find_overlaps(splits(), similarity).pairs(("train", "test")))
    none, some = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("none", "some"))
    assert none.schema == some.schema
    assert len(none) == 0 < len(some)
