"""Rows by the range in which their hashes lie: equal ones meet, and few are looked at together.

To find copies is to sort or to tabulate, which takes several times the memory of the hashes. In one range
after the other it takes that of a few of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

_BITS = 4


def by_range(*hashes: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the rows whose hashes begin with the same four bits, one range after the other, ascending.

    Args:
        hashes: each (N,) uint64; how many they are may differ.

    Yields:
        For each of them, (K,) int64 ascending row numbers.
    """
    ranges = [np.empty(len(each), dtype=np.uint8) for each in hashes]
    for each, numbers in zip(hashes, ranges, strict=True):
        # Into bytes at once: numbers as wide as the hashes would take as much memory.
        np.right_shift(each, np.uint64(64 - _BITS), out=numbers, casting="unsafe")
    for number in range(1 << _BITS):
        yield tuple(np.flatnonzero(each == number) for each in ranges)


def repeated_by_range(*hashes: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Do as :func:`by_range` with the rows whose hash stands more than once among all: most stand alone."""
    for rows in by_range(*hashes):
        own = [each[numbers] for each, numbers in zip(hashes, rows, strict=True)]
        together = np.sort(np.concatenate(own))
        again = together[1:][together[1:] == together[:-1]]
        yield tuple(
            numbers[pd.Series(each).isin(again).to_numpy()] for each, numbers in zip(own, rows, strict=True)
        )
