"""The tables between the data stages: one Parquet file a split, the same bytes for the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from finesent.errors import FinesentError
from finesent.files import replacing

SPLITS = ("train", "dev", "test")

_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "label": pa.int64(),
    "soft_label": pa.list_(pa.float64()),
    "group": pa.string(),
    "sentences": pa.list_(pa.string()),
    "kind": pa.string(),
    "weight": pa.float64(),
}


def write_rows(path: Path, rows: pd.DataFrame) -> None:
    """Write the columns ``id, text, label`` and what else of ``_TYPES`` there is, atomically.

    ``soft_label`` is null where nobody rated the row.

    No index, no library's own metadata and a fixed compression: equal rows give equal bytes.
    """
    columns = {
        name: pa.array(rows[name].tolist(), type=kind)
        for name, kind in _TYPES.items()
        if name in rows.columns
    }
    write_arrow(path, pa.table(columns))


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write an Arrow table as Parquet, atomically, reproducibly and with a checksum on every page."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_statistics=False, write_page_checksum=True)


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
    try:
        return pq.read_table(path, page_checksum_verification=True)
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


def class_counts(rows: pd.DataFrame, classes: int) -> list[int]:
    """Return how many rows each class 0..C-1 has."""
    return [int(count) for count in np.bincount(rows["label"].to_numpy(dtype=np.int64), minlength=classes)]


def require_every_class(rows: pd.DataFrame, labels: list[str], place: str, remedy: str) -> None:
    """Refuse rows in which a class is missing.

    Raises:
        FinesentError: naming the classes that have no row.
    """
    absent = [name for name, count in zip(labels, class_counts(rows, len(labels)), strict=True) if count == 0]
    if absent:
        raise FinesentError(place, f"no row of the class {', '.join(map(repr, absent))}", remedy)
