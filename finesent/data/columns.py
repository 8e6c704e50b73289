"""Numbers of millions of rows: in files, of which memory holds what is looked at, and can let go of it."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path

import numpy as np

# In bytes; what is smaller is held in memory.
_LARGE = 1 << 20
# How many are selected among at once.
_AT_ONCE = 1 << 18


class Column:
    """Numbers that are put into a file, one behind the other.

    Args:
        folder: for the file. Nobody takes it away before the numbers are done with.
        kind: of the numbers.
    """

    def __init__(self, folder: Path, kind: np.dtype | type[np.generic]) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.numbers"
        self._kind = np.dtype(kind)
        self._file = self._path.open("wb")

    def add(self, numbers: np.ndarray) -> None:
        """Put (K,) numbers behind those that are there."""
        self._file.write(np.ascontiguousarray(numbers, dtype=self._kind).data)

    def numbers(self) -> np.ndarray:
        """Return them all, (N,), to be read only; none is added later."""
        self.close()
        if self._path.stat().st_size >= _LARGE:
            return np.asarray(np.memmap(self._path, dtype=self._kind, mode="r"))
        found = np.fromfile(self._path, dtype=self._kind)
        found.flags.writeable = False
        self._path.unlink()
        return found

    def close(self) -> None:
        """Let go of the file, which may be closed already."""
        self._file.close()


def selected(folder: Path, numbers: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return those of (N,) numbers for which ``kept``, (N,) bool, is true, as :meth:`Column.numbers` does."""
    with closing(Column(folder, numbers.dtype)) as column:
        for start in range(0, len(numbers), _AT_ONCE):
            span = slice(start, start + _AT_ONCE)
            column.add(numbers[span][kept[span]])
        return column.numbers()
