"""The tables between the data stages: one Parquet file a split, the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finesent.cores import usable_cores
from finesent.data.joining import JoinedParquet
from finesent.data.parallel import in_order
from finesent.errors import FinesentError
from finesent.files import replacing

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "dev", "test")
# A smaller file has one row group, a larger one a row group for every so many rows: they are held at once.
ROW_GROUP = 1 << 16
# Row groups that are encoded at once; each takes some tens of MB.
_WRITERS = 4
# Rows that are read at once.
BATCH = 1 << 14

TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "label": pa.int64(),
    "soft_label": pa.list_(pa.float64()),
    "group": pa.string(),
    "sentences": pa.list_(pa.string()),
    "kind": pa.string(),
    "weight": pa.float64(),
}
# Hardly a value of theirs stands twice, so that the dictionary which Parquet keeps of a column's values, and
# gives up once it is too large, would cost a fifth of the time of writing and help nobody.
_WITHOUT_DICTIONARY = ("id", "text")


def write_rows(path: Path, rows: pd.DataFrame) -> None:
    """Write the columns ``id, text, label`` and what else of ``TYPES`` there is, atomically.

    ``soft_label`` is null where nobody rated the row.

    No index, no library's own metadata and a fixed compression: equal rows give equal bytes.
    """
    columns = {
        name: pa.array(rows[name].tolist(), type=kind) for name, kind in TYPES.items() if name in rows.columns
    }
    write_arrow(path, pa.table(columns))


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write an Arrow table as Parquet, atomically, reproducibly and with a checksum on every page."""
    write_batches(path, [table])


def write_batches(path: Path, tables: Iterable[pa.Table]) -> None:
    """Do as :func:`write_arrow` with tables that come one after the other, at least one, of one schema.

    How the rows are spread over the tables has no influence on the bytes, which are those that pyarrow writes
    row group by row group.
    """
    write_row_groups(path, (partial(_given, group) for group in _row_groups(tables)))


def write_row_groups(path: Path, groups: Iterable[Callable[[], pa.Table]]) -> None:
    """Do as :func:`write_batches` with row groups, which are read, encoded and compressed side by side.

    Args:
        path: of the file.
        groups: at least one function that gives the table of a row group, in whichever thread.
    """
    threads = min(usable_cores(), _WRITERS)
    rest = iter(groups)
    # Looked for before the file is made: what goes wrong with the first rows leaves no folder behind.
    first = next(rest)
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        ThreadPoolExecutor(threads) as pool,
    ):
        joined = JoinedParquet(file)
        for encoded in in_order(pool, _encoded, chain([first], rest), held=threads):
            joined.add(memoryview(encoded))
        joined.close()


def _given(table: pa.Table) -> pa.Table:
    return table


def _encoded(read: Callable[[], pa.Table]) -> pa.Buffer:
    """Return a Parquet file of one row group."""
    group = read()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        group.schema,
        compression="zstd",
        use_dictionary=[path for path in _paths(group.schema) if path not in _WITHOUT_DICTIONARY],
        write_statistics=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(group)
    return sink.getvalue()


def _paths(schema: pa.Schema) -> list[str]:
    """Return the names by which Parquet knows columns; it keeps the values of lists one level down."""
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in schema]


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut tables anew, into tables of ``ROW_GROUP`` rows and one of what is left; of no rows, one of none."""
    held: list[pa.Table] = []
    count = 0
    whole = False
    for table in tables:
        held.append(table)
        count += len(table)
        while count >= ROW_GROUP:
            joined = pa.concat_tables(held)
            yield joined[:ROW_GROUP].combine_chunks()
            held, count, whole = [joined[ROW_GROUP:]], count - ROW_GROUP, True
    if count or not whole:
        yield pa.concat_tables(held).combine_chunks()


def read_rows(path: Path) -> pd.DataFrame:
    """Read what :func:`write_rows` wrote.

    Raises:
        FinesentError: the file is missing or is no Parquet file.
    """
    rows: pd.DataFrame = read_arrow(path).to_pandas()
    return rows


def read_arrow(path: Path, command: str = "dvc repro") -> pa.Table:
    """Read a Parquet file, naming it if that fails, and the command that makes it.

    Raises:
        FinesentError: the file is missing, is no Parquet file, or is damaged.
    """
    with _naming(path, command):
        return pq.read_table(path, page_checksum_verification=True)


def read_batches(
    path: Path, columns: list[str] | None = None, size: int = BATCH, command: str = "dvc repro"
) -> Iterator[pa.Table]:
    """Yield a Parquet file's rows in tables of at most ``size`` rows, the last of which has none.

    Args:
        path: of the file.
        columns: which to read; those that it does not have are left out. None reads all.
        size: in rows.
        command: that makes the file, for the error.

    Raises:
        FinesentError: as :func:`read_arrow`.
    """
    with _naming(path, command), pq.ParquetFile(path, page_checksum_verification=True) as file:
        fields = [field for field in file.schema_arrow if columns is None or field.name in columns]
        schema = pa.schema([field.with_type(_arrow_type(field.type)) for field in fields])
        for batch in file.iter_batches(size, columns=schema.names):
            yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        yield schema.empty_table()


def _arrow_type(kind: pa.DataType) -> pa.DataType:
    """Name the values of a list as Arrow does: Parquet's own name for them would change what is written."""
    return pa.list_(kind.value_type) if pa.types.is_list(kind) else kind


def taken(tables: Iterable[pa.Table], positions: np.ndarray) -> Iterator[pa.Table]:
    """Yield, table by table, the rows at ``positions``: (K,) ascending int64, counted over all tables."""
    start = 0
    for table in tables:
        first, last = np.searchsorted(positions, [start, start + len(table)])
        chosen = positions[first:last] - start
        # Ascending numbers, as many as there are rows, of which none stands twice, are all of them.
        whole = len(chosen) == len(table) and bool((np.diff(chosen) == 1).all())
        yield table if whole else table.take(pa.array(chosen))
        start += len(table)


@contextmanager
def _naming(path: Path, command: str) -> Iterator[None]:
    """Turn what goes wrong in reading a Parquet file into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise FinesentError(str(path), "the file is missing", f"run `{command}` to make it") from error
    # Damage further in shows as an OSError without a number.
    except (pa.ArrowException, OSError) as error:
        raise FinesentError(
            str(path), f"not a Parquet file ({error})", f"delete it and run `{command}`"
        ) from error


def word_counts(texts: pd.Series) -> np.ndarray:
    """Return each text's number of words, split at white space, as (N,) int64."""
    return np.array([len(text.split()) for text in texts], dtype=np.int64)


def class_counts(labels: np.ndarray, classes: int) -> list[int]:
    """Return how many of the labels each class 0..C-1 has."""
    return [int(count) for count in np.bincount(labels, minlength=classes)]


def require_every_class(labels: np.ndarray, names: list[str], place: str, remedy: str) -> None:
    """Refuse rows in which a class is missing.

    Args:
        labels: (N,) int64, of the rows.
        names: of the C classes.
        place: of the rows, for the error.
        remedy: likewise.

    Raises:
        FinesentError: naming the classes that have no row.
    """
    absent = [name for name, count in zip(names, class_counts(labels, len(names)), strict=True) if count == 0]
    if absent:
        raise FinesentError(place, f"no row of the class {', '.join(map(repr, absent))}", remedy)
