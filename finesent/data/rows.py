"""The rows of a split while clean works on them: texts in files, and beside them a few numbers of each row.

What becomes of a row is decided by its label and by hashes of its text, so that of millions of texts only
those of one batch need to be in memory; and the numbers of millions of rows are in files, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from finesent.data.columns import Column, selected

if TYPE_CHECKING:
    import pandas as pd

_NOT_STORED = ("words", "text_hash", "copy_hash")
# What is told of every row.
_NUMBERS: dict[str, np.dtype[Any]] = {
    "positions": np.dtype(np.int32),
    "labels": np.dtype(np.int32),
    "words": np.dtype(np.int32),
    "texts": np.dtype(np.uint64),
    "copies": np.dtype(np.uint64),
}


@dataclass(frozen=True)
class Stored:
    """The rows of one piece.

    Attributes:
        file: an Arrow file that holds them.
        read: how many there were before those without a text were dropped.
        labels: (N,) int32; this and what follows as in :class:`Rows`.
        words: (N,) int32.
        texts: (N,) uint64.
        copies: (N,) uint64.
    """

    file: Path
    read: int
    labels: np.ndarray
    words: np.ndarray
    texts: np.ndarray
    copies: np.ndarray


@dataclass(frozen=True)
class Rows:
    """N rows of one split, in their order.

    Attributes:
        files: the B Arrow files that hold them, and perhaps others.
        folder: for files of numbers.
        starts: (B + 1,) int64, where each of the files starts, counted in rows over all, and their end.
        positions: (N,) int32, ascending; where each row stands, counted in the same way.
        labels: (N,) int32.
        words: (N,) int32, how many each text has.
        texts: (N,) uint64 hashes; rows whose normalised texts are the same have the same.
        copies: (N,) uint64 hashes; rows that have the same duplicate key have the same.
    """

    files: tuple[Path, ...]
    folder: Path
    starts: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    words: np.ndarray
    texts: np.ndarray
    copies: np.ndarray

    @classmethod
    def of(cls, pieces: Iterable[Stored], folder: Path) -> tuple[Rows, int]:
        """Return all rows of pieces, at least one, one behind the other, and how many were read for them.

        Args:
            pieces: looked at one by one.
            folder: for what is told of every row, of many rows. It stays for as long as the rows do.
        """
        files, starts, read = [], [0], 0
        with ExitStack() as stack:
            columns = {
                name: stack.enter_context(closing(Column(folder, kind))) for name, kind in _NUMBERS.items()
            }
            for piece in pieces:
                files.append(piece.file)
                starts.append(starts[-1] + len(piece.labels))
                read += piece.read
                columns["positions"].add(np.arange(*starts[-2:]))
                for name in ("labels", "words", "texts", "copies"):
                    columns[name].add(getattr(piece, name))
            numbers = {name: column.numbers() for name, column in columns.items()}
        return cls(files=tuple(files), folder=folder, starts=np.array(starts), **numbers), read

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, kept: np.ndarray) -> Rows:
        """Return the rows for which ``kept``, (N,) bool, is true."""
        return self._with({name: selected(self.folder, getattr(self, name), kept) for name in _NUMBERS})

    def _with(self, numbers: dict[str, Any]) -> Rows:
        return replace(self, **numbers)

    def columns(self) -> list[str]:
        """Return the names of the columns that the files have."""
        names: list[str] = _opened(self.files[0]).schema.names
        return names

    def tables(self, columns: Iterable[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows file by file, at last a table of none.

        Args:
            columns: which to read, in their order; those that the files do not have are left out.
        """
        names = self.columns()
        wanted = names if columns is None else [name for name in columns if name in names]
        edges = np.searchsorted(self.positions, self.starts.astype(np.int32))
        for number, (first, last) in enumerate(pairwise(edges)):
            if first < last:
                table = _opened(self.files[number]).read_all().select(wanted)
                chosen = self.positions[first:last] - self.starts[number]
                whole = len(chosen) == len(table)
                yield table if whole else table.take(pa.array(chosen))
        yield _opened(self.files[0]).schema.empty_table().select(wanted)

    def row_groups(self, size: int, columns: Iterable[str] | None = None) -> Iterator[Callable[[], pa.Table]]:
        """Yield functions that read ``size`` rows each, and the last the rest; for no rows, one function."""
        for first in range(0, max(1, len(self)), size):
            part = {name: getattr(self, name)[first : first + size] for name in _NUMBERS}
            yield partial(_read, self._with(part), columns)

    def frame(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the rows as a frame, lists in it as Python's."""
        # Not for who only stores rows: it takes a while to load.
        import pandas as pd

        table = pa.concat_tables(self.tables(columns))
        listed = [field.name for field in table.schema if pa.types.is_list(field.type)]
        frame: pd.DataFrame = table.to_pandas()
        return frame.assign(**{name: pd.Series(table[name].to_pylist(), dtype=object) for name in listed})

    def take(self, numbers: np.ndarray, columns: list[str]) -> pd.DataFrame:
        """Return the rows of these (K,) numbers from 0 to N - 1, in this order and as often as they stand."""
        found, places = np.unique(numbers, return_inverse=True)
        chosen = np.zeros(len(self), dtype=bool)
        chosen[found] = True
        return self.where(chosen).frame(columns).iloc[places].reset_index(drop=True)


def _opened(file: Path) -> pa.ipc.RecordBatchFileReader:
    """Open a file without reading it: what nobody looks at stays where it is.

    pyarrow's own way to map a file asks the system to fetch all of it.
    """
    with file.open("rb") as content:
        return pa.ipc.open_file(pa.py_buffer(mmap(content.fileno(), 0, access=ACCESS_READ)))


def _read(rows: Rows, columns: Iterable[str] | None) -> pa.Table:
    return pa.concat_tables(rows.tables(columns)).combine_chunks()


def store(batch: pa.RecordBatch, file: Path, read: int) -> Stored:
    """Write what :func:`finesent.data.preparation.prepare` made of ``read`` rows to ``file``."""
    written = batch.drop_columns(list(_NOT_STORED))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, written.schema) as writer:
        writer.write_batch(written)
    labels, words = (batch[name].to_numpy().astype(np.int32) for name in ("label", "words"))
    return Stored(file, read, labels, words, batch["text_hash"].to_numpy(), batch["copy_hash"].to_numpy())
