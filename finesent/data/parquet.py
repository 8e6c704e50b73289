"""Reading Parquet files as published: the columns whole, and a cell by itself only where it is no text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finesent.data.cells import JOINT, column_number, label_text, plain_text
from finesent.data.pieces import batch_of, numbered
from finesent.data.raw_file import RawFile
from finesent.errors import FinesentError


@dataclass(frozen=True)
class ParquetPiece:
    """Some rows of a file whose cells are yet to be turned into texts and labels.

    Attributes:
        file: that they are of.
        cells: the columns that make the text, in their order, and that of the label.
        row: the number of the first row in the file, counted from 1.
        split: that the file belongs to.
        number: of the first row among all rows of the split, counted from 1.
    """

    file: RawFile
    cells: pa.RecordBatch
    row: int
    split: str
    number: int

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.cells)

    def read(self) -> pa.RecordBatch:
        """Return the rows with ``id``, ``text`` and ``label``.

        Raises:
            FinesentError: the cells are damaged, one is no text, or a label is not in the catalog.
        """
        try:
            self.cells.validate(full=True)
        except pa.ArrowException as error:
            raise _damaged(self.file, error) from error
        *columns, labels = map(_decoded, self.cells.columns)
        texts = [
            self._texts(column, name) for column, name in zip(columns, self.file.layout.text, strict=True)
        ]
        ids = numbered(self.split, self.number, self.rows)
        return batch_of(ids, _joined(texts), self._labels(labels))

    def _texts(self, column: pa.Array, name: str) -> pa.StringArray:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            return pc.fill_null(column.cast(pa.string()), "")
        cells = enumerate(column.to_pylist(), self.row)
        return pa.array([plain_text(value, name, self.file, row) for row, value in cells], pa.string())

    def _labels(self, column: pa.Array) -> np.ndarray:
        """Return (N,) int64; of the values, each is looked up once."""
        if pa.types.is_nested(column.type):
            column = pa.array([label_text(value) for value in column.to_pylist()], pa.string())
        encoded = column.dictionary_encode(null_encoding="encode")
        values = [label_text(value) for value in encoded.dictionary.to_pylist()]
        allowed = self.file.label_values()
        classes = np.array([allowed.get(value, -1) for value in values], dtype=np.int64)
        codes = encoded.indices.to_numpy()
        labels: np.ndarray = classes[codes]
        if (labels < 0).any():
            place = int(np.argmax(labels < 0))
            raise self.file.unknown_label(values[codes[place]], self.row + place)
        return labels


def parquet_pieces(file: RawFile, split: str, number: int, size: int) -> Iterator[ParquetPiece]:
    """Yield a file in pieces of at most ``size`` rows.

    Args:
        file: to be read.
        split: that it belongs to.
        number: of its first row among those of the split, counted from 1.
        size: in rows.

    Raises:
        FinesentError: it is no Parquet file, is damaged, or lacks a column.
    """
    wanted = [*file.layout.text, file.layout.label]
    row = 1
    try:
        with pq.ParquetFile(file.path) as parquet:
            for column in wanted:
                column_number(file, parquet.schema_arrow.names, column)
            for batch in parquet.iter_batches(size, columns=wanted):
                yield ParquetPiece(file, batch.select(wanted), row, split, number + row - 1)
                row += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from error


def _damaged(file: RawFile, error: Exception) -> FinesentError:
    return file.error(f"no parquet file, or a truncated or altered one ({error})")


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _joined(texts: list[pa.StringArray]) -> pa.StringArray:
    """Do as :func:`finesent.data.cells.joined` with all rows of the columns."""
    together = texts[0]
    # pyarrow's own way to skip what is missing loses the rows in which all is (26.0.1).
    for further in texts[1:]:
        both = pc.binary_join_element_wise(together, further, JOINT)
        one = pc.if_else(pc.equal(further, ""), together, both)
        together = pc.if_else(pc.equal(together, ""), further, one)
    return together
