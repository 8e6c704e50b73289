"""Rows of a data set on their way in: pieces that any process can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Piece(Protocol):
    """Some rows of a split; it can be sent to another process, to be read there."""

    @property
    def rows(self) -> int:
        """How many they are."""

    def read(self) -> pa.RecordBatch:
        """Return them with ``id`` (str), ``text`` (str), ``label`` (int64) and what else their format has.

        Raises:
            FinesentError: they cannot be read.
        """


@dataclass(frozen=True)
class ReadPiece:
    """A piece of rows that are read already, as the files of most formats can only be read from the front.

    Attributes:
        batch: the rows.
    """

    batch: pa.RecordBatch

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.batch)

    def read(self) -> pa.RecordBatch:
        """Return them."""
        return self.batch


def batch_of(ids: pa.Array, texts: pa.Array, labels: np.ndarray, **more: pa.Array) -> pa.RecordBatch:
    """Return rows as a batch of ``id``, ``text``, ``label`` and the columns ``more``."""
    columns = {"id": ids, "text": texts, "label": pa.array(labels, pa.int64()), **more}
    return pa.RecordBatch.from_pydict(columns)


def numbered(split: str, first: int, count: int) -> pa.StringArray:
    """Return the ids ``<split>-<number>`` of ``count`` rows, the first with the number ``first``."""
    numbers = pc.cast(pa.array(np.arange(first, first + count)), pa.string())
    return pc.binary_join_element_wise(pa.scalar(split), numbers, "-")


def strings(letters: np.ndarray, edges: np.ndarray) -> pa.StringArray:
    """Return N texts as Arrow has them.

    Args:
        letters: (B,) uint8, their UTF-8.
        edges: (N + 1,) int64, where in ``letters`` each begins, and the end of the last.
    """
    offsets = edges.astype(np.int32)
    return pa.StringArray.from_buffers(len(edges) - 1, pa.py_buffer(offsets), pa.py_buffer(letters))
