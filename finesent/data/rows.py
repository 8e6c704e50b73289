"""The rows of a split while clean works on them: texts in a file, and in memory a few numbers of each row.

What becomes of a row is decided by its label and by hashes of its text, so that of millions of texts only
those of one batch need to be in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

_NUMBERS = ("label", "words", "text_hash", "copy_hash")


@dataclass(frozen=True)
class Rows:
    """N rows of one split, in their order.

    Attributes:
        file: an Arrow file that holds them, and perhaps others.
        starts: (B + 1,) int64, where each of its B record batches starts, and their end.
        positions: (N,) int64, ascending; where each row stands in the file.
        labels: (N,) int64.
        words: (N,) int64, how many each text has.
        texts: (N,) uint64 hashes; rows whose normalised texts are the same have the same.
        copies: (N,) uint64 hashes; rows that have the same duplicate key have the same.
    """

    file: Path
    starts: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    words: np.ndarray
    texts: np.ndarray
    copies: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, kept: np.ndarray) -> Rows:
        """Return the rows for which ``kept``, (N,) bool, is true."""
        return replace(
            self,
            positions=self.positions[kept],
            labels=self.labels[kept],
            words=self.words[kept],
            texts=self.texts[kept],
            copies=self.copies[kept],
        )

    def columns(self) -> list[str]:
        """Return the names of the columns that the file has."""
        with pa.OSFile(str(self.file)) as source:
            names: list[str] = pa.ipc.open_file(source).schema.names
        return names

    def tables(self, columns: Iterable[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows batch by batch, at last a table of none.

        Args:
            columns: which to read, in their order; those that the file does not have are left out.
        """
        names = self.columns()
        wanted = names if columns is None else [name for name in columns if name in names]
        fields = [names.index(name) for name in wanted]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.OSFile(str(self.file)) as source:
            reader = pa.ipc.open_file(source, options=options)
            edges = np.searchsorted(self.positions, self.starts)
            for number, (first, last) in enumerate(pairwise(edges)):
                if first < last:
                    table = pa.Table.from_batches([reader.get_batch(number)]).select(wanted)
                    chosen = self.positions[first:last] - self.starts[number]
                    yield table if len(chosen) == len(table) else table.take(pa.array(chosen))
            # pyarrow gives the schema of the whole file, whichever columns it reads.
            yield reader.schema.empty_table().select(wanted)

    def frame(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the rows as a frame, lists in it as Python's."""
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


def store(batches: Iterable[pa.RecordBatch], file: Path) -> Rows:
    """Write prepared batches, at least one, to ``file``, and return all their rows."""
    numbers: dict[str, list[np.ndarray]] = {name: [] for name in _NUMBERS}
    writer: pa.ipc.RecordBatchFileWriter | None = None
    sizes = [0]
    with pa.OSFile(str(file), "wb") as sink:
        for batch in batches:
            for name, found in numbers.items():
                found.append(batch[name].to_numpy())
            written = batch.drop_columns([name for name in _NUMBERS if name != "label"])
            writer = writer or pa.ipc.new_file(sink, written.schema)
            writer.write_batch(written)
            sizes.append(len(batch))
        if writer is not None:
            writer.close()
    starts = np.cumsum(sizes)
    labels, words, texts, copies = (np.concatenate(numbers[name]) for name in _NUMBERS)
    return Rows(file, starts, np.arange(starts[-1]), labels, words, texts, copies)
