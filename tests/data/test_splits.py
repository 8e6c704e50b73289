"""The split of a text depends on the text alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.data.splits import split_by_hash, split_of


def frame(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"all-{n}" for n in range(len(texts))], "text": texts, "label": 0})


def test_shares_are_eighty_ten_ten() -> None:
    texts = [f"sentence number {n}" for n in range(20_000)]
    counts = pd.Series([split_of(text) for text in texts]).value_counts()
    # Four standard deviations of a binomial count: 57 for train, 43 for the others.
    assert abs(counts["train"] - 16_000) < 4 * 57
    assert abs(counts["dev"] - 2_000) < 4 * 43
    assert abs(counts["test"] - 2_000) < 4 * 43


@pytest.mark.parametrize(
    ("text", "split"),
    [("the", "train"), ("film", "dev"), ("boring", "test")],
)
def test_assignment_stays_the_same_for_ever(text: str, split: str) -> None:
    assert split_of(text) == split


@settings(deadline=None)
@given(text=st.text("abcdefgh éß.,", min_size=1), spaces=st.integers(1, 3))
def test_copies_stay_together(text: str, spaces: int) -> None:
    assert split_of(text.upper()) == split_of(text)
    assert split_of(" " * spaces + text.replace(" ", " " * spaces) + "\n") == split_of(text)


def test_order_and_company_move_no_row() -> None:
    rows = frame([f"sentence {n}" for n in range(300)])
    shuffled = rows.iloc[np.random.default_rng(0).permutation(len(rows))]
    more = pd.concat([frame([f"other {n}" for n in range(50)]).assign(id="x"), rows])
    whole = split_by_hash(rows)
    for other in (shuffled, more):
        for name, part in split_by_hash(other).items():
            assert set(part["id"]) - {"x"} == set(whole[name]["id"])


def test_every_row_is_in_one_split_in_its_order() -> None:
    rows = frame([f"sentence {n % 250}" for n in range(300)])
    parts = split_by_hash(rows)
    assert list(parts) == ["train", "dev", "test"]
    for part in parts.values():
        numbers = [int(identifier.removeprefix("all-")) for identifier in part["id"]]
        assert numbers == sorted(numbers)
        assert part.index.tolist() == list(range(len(part)))
    joined = pd.concat(parts.values()).set_index("id").loc[rows["id"]].reset_index()
    pd.testing.assert_frame_equal(joined, rows)
    texts = [set(part["text"]) for part in parts.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
