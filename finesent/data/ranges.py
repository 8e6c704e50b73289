"""Rows by the range in which their hashes lie: equal ones meet, and few are looked at together.

To find copies is to sort or to tabulate, which takes several times the memory of the hashes. In one range
after the other it takes that of a few of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BITS = 4


def by_range(*hashes: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the rows whose hashes begin with the same four bits, one range after the other, ascending.

    Args:
        hashes: each (N,) uint64; how many they are may differ.

    Yields:
        For each of them, (K,) int64 ascending row numbers.
    """
    ranges = [(each >> np.uint64(64 - _BITS)).astype(np.uint8) for each in hashes]
    for number in range(1 << _BITS):
        yield tuple(np.flatnonzero(each == number) for each in ranges)
