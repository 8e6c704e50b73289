"""Hashes in one range after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.ranges import by_range, repeated_by_range

Hashes = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**60 - 1, 2**60, 2**64 - 1]))


@given(Hashes, Hashes)
def test_every_row_comes_once_and_equal_hashes_come_together(first: list[int], second: list[int]) -> None:
    both = [np.array(hashes, dtype=np.uint64) for hashes in (first, second)]
    parts = list(by_range(*both))
    assert len(parts) == 16
    for hashes, rows in zip(both, zip(*parts, strict=True), strict=True):
        assert sorted(np.concatenate(rows).tolist()) == list(range(len(hashes)))
        for number, chosen in enumerate(rows):
            assert (np.diff(chosen) > 0).all()
            assert all(int(hashes[row]) >> 60 == number for row in chosen)


@given(Hashes, Hashes)
def test_repeated_rows_are_those_whose_hash_another_row_has(first: list[int], second: list[int]) -> None:
    both = [np.array(hashes, dtype=np.uint64) for hashes in (first, second)]
    parts = list(repeated_by_range(*both))
    for hashes, rows in zip((first, second), zip(*parts, strict=True), strict=True):
        expected = [row for row, own in enumerate(hashes) if (first + second).count(own) > 1]
        assert sorted(np.concatenate(rows).tolist()) == expected
        assert all((np.diff(chosen) > 0).all() for chosen in rows)
