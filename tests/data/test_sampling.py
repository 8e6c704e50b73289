"""Draws are exact in size, proportional, random and the same for the same seed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.sampling import allocate, draw_rows, length_bins
from finesent.data.tables import word_counts
from finesent.errors import FinesentError
from finesent.params.sample import Sample

CLASSES = {0: 60, 1: 300, 2: 140, 3: 500}
LENGTHS = [1, 5, 9, 20]


def rules(size: int | None = None, **changes: Any) -> Sample:
    return Sample(**{"train_size": size, "balance": "none", "length_bins": 4, "seed": 0, **changes})


def sample_train(rows: pd.DataFrame, rules: Sample) -> pd.DataFrame:
    chosen = draw_rows(rows["label"].to_numpy(), word_counts(rows["text"]), rules)
    return rows.iloc[chosen].reset_index(drop=True)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """1,000 rows sorted by label, as published files often are; four lengths, equally often in a class."""
    labels = np.repeat(list(CLASSES), list(CLASSES.values()))
    words = [LENGTHS[n % 4] for n in range(len(labels))]
    return pd.DataFrame(
        {
            "id": [f"train-{n:04}" for n in range(len(labels))],
            "text": ["word " * count for count in words],
            "label": labels,
        }
    )


def class_sizes(drawn: pd.DataFrame) -> dict[int, int]:
    return {int(label): int(count) for label, count in drawn["label"].value_counts().sort_index().items()}


@pytest.mark.parametrize("size", [1, 7, 100, 333, 999, 1000])
def test_size_is_exact_and_rows_are_distinct(rows: pd.DataFrame, size: int) -> None:
    drawn = sample_train(rows, rules(size))
    assert len(drawn) == size
    assert drawn["id"].is_unique
    assert drawn.index.tolist() == list(range(size))
    pd.testing.assert_frame_equal(
        drawn, rows[rows["id"].isin(drawn["id"])].reset_index(drop=True), obj="drawn, in the original order"
    )


@pytest.mark.parametrize("size", [10, 100, 333, 777])
@pytest.mark.parametrize("seed", [0, 1])
def test_shares_of_label_and_length_are_kept_within_one_row(rows: pd.DataFrame, size: int, seed: int) -> None:
    def counts(frame: pd.DataFrame) -> pd.Series:
        keys = [frame["label"], frame["text"].str.split().str.len().rename("words")]
        return frame.groupby(keys).size()

    exact = counts(rows) * size / len(rows)
    drawn = counts(sample_train(rows, rules(size, seed=seed))).reindex(exact.index, fill_value=0)
    assert (drawn - exact).abs().max() < 1


@pytest.mark.parametrize("balance", ["none", "downsample", "upsample"])
def test_draw_is_never_a_prefix(rows: pd.DataFrame, balance: str) -> None:
    drawn = sample_train(rows, rules(200, balance=balance))
    assert set(drawn["id"]) != set(rows["id"][:200])
    for label in CLASSES:
        mine = drawn["id"][drawn["label"] == label]
        assert set(mine) != set(rows["id"][rows["label"] == label][: len(mine)])


@pytest.mark.parametrize("balance", ["none", "downsample", "upsample"])
def test_seed_decides(rows: pd.DataFrame, balance: str) -> None:
    draws = [sample_train(rows, rules(200, balance=balance, seed=seed))["id"].tolist() for seed in (3, 3, 4)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_every_row_may_be_drawn(rows: pd.DataFrame) -> None:
    seen = {i for seed in range(60) for i in sample_train(rows, rules(200, seed=seed))["id"]}
    assert seen == set(rows["id"])


def test_null_takes_every_row(rows: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(sample_train(rows, rules(None)), rows)


@pytest.mark.parametrize("balance", ["none", "downsample"])
def test_more_than_there_is_names_the_key(rows: pd.DataFrame, balance: str) -> None:
    with pytest.raises(FinesentError, match="1001 rows are asked for and there are 1000") as caught:
        sample_train(rows, rules(1001, balance=balance))
    assert caught.value.place == "params.yaml: sample.train_size"


@pytest.mark.parametrize(
    ("balance", "size", "expected"),
    [
        ("downsample", None, [60, 60, 60, 60]),
        ("downsample", 240, [60, 60, 60, 60]),
        ("downsample", 1000, [60, 60, 60, 60]),
        ("downsample", 100, [25, 25, 25, 25]),
        ("downsample", 10, [3, 3, 2, 2]),
        ("upsample", None, [500, 500, 500, 500]),
        ("upsample", 100, [25, 25, 25, 25]),
        ("upsample", 10, [3, 3, 2, 2]),
        ("upsample", 1002, [251, 251, 250, 250]),
        ("upsample", 3000, [750, 750, 750, 750]),
    ],
)
def test_balanced_class_sizes(
    rows: pd.DataFrame, balance: str, size: int | None, expected: list[int]
) -> None:
    assert list(class_sizes(sample_train(rows, rules(size, balance=balance))).values()) == expected


@pytest.mark.parametrize("size", [None, 3000])
def test_upsampling_repeats_rows_evenly(rows: pd.DataFrame, size: int | None) -> None:
    drawn = sample_train(rows, rules(size, balance="upsample"))
    times = drawn["id"].value_counts().reindex(rows["id"])
    for label, count in CLASSES.items():
        mine = times[(rows["label"] == label).to_numpy()]
        target = (size or 2000) / 4
        assert set(mine) <= {target // count, target // count + 1}
    assert drawn["id"].is_monotonic_increasing, "copies follow their row"


def test_downsampling_repeats_no_row(rows: pd.DataFrame) -> None:
    assert sample_train(rows, rules(None, balance="downsample"))["id"].is_unique


def test_balanced_draws_keep_the_lengths(rows: pd.DataFrame) -> None:
    drawn = sample_train(rows, rules(200, balance="downsample"))
    words = drawn["text"].str.split().str.len()
    counts = drawn.groupby([drawn["label"], words.rename("words")]).size()
    assert counts.between(12, 13).all(), "fifty a class over four lengths"


def test_class_that_has_no_row_takes_no_share(rows: pd.DataFrame) -> None:
    two = rows[rows["label"].isin([1, 3])].reset_index(drop=True)
    assert class_sizes(sample_train(two, rules(100, balance="upsample"))) == {1: 50, 3: 50}


def test_draw_changes_no_argument(rows: pd.DataFrame) -> None:
    before = rows.copy()
    sample_train(rows, rules(100, balance="upsample"))
    pd.testing.assert_frame_equal(rows, before)


def test_bins_are_quantiles_of_the_words() -> None:
    words = np.array([8, 1, 2, 3, 4, 5, 6, 7])
    assert length_bins(words, 4).tolist() == [3, 0, 0, 1, 1, 2, 2, 3]
    assert length_bins(words, 1).tolist() == [0] * 8
    mostly_short = np.array([1] * 5 + [9])
    assert length_bins(mostly_short, 2).tolist() == [0, 0, 0, 0, 0, 1]


@given(words=st.lists(st.integers(0, 30), min_size=1, max_size=60), count=st.integers(1, 10))
def test_bins_follow_length_and_ties_share_one(words: list[int], count: int) -> None:
    bins = length_bins(np.array(words), count)
    assert bins.min() >= 0
    assert bins.max() < count
    pairs = sorted(zip(words, bins.tolist(), strict=True))
    for (shorter, low), (longer, high) in pairwise(pairs):
        assert low <= high
        assert low == high or shorter < longer


@given(data=st.data(), sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=40).filter(sum))
def test_allocation_is_exact_in_sum_and_within_one_row_of_each_share(
    data: st.DataObject, sizes: list[int]
) -> None:
    total = data.draw(st.integers(0, sum(sizes)))
    quota = allocate(np.array(sizes), total)
    assert quota.sum() == total
    for given_, size in zip(quota.tolist(), sizes, strict=True):
        assert 0 <= given_ <= size
        # In whole numbers: |quota - size * total / sum| < 1.
        assert abs(given_ * sum(sizes) - size * total) < sum(sizes)


def test_allocation_gives_the_rest_to_the_largest_remainders() -> None:
    assert allocate(np.array([50, 30, 20]), 7).tolist() == [4, 2, 1]
    assert allocate(np.array([1, 1, 1]), 2).tolist() == [1, 1, 0]
