"""Rows as clean stores them, made of a frame."""

from __future__ import annotations

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa

from finesent.data.preparation import prepare
from finesent.data.rows import Rows, store

# It goes when the tests end.
_FOLDER = TemporaryDirectory(prefix="finesent-rows-")


def rows_of(frame: pd.DataFrame, batch: int = 7) -> Rows:
    """Store the rows of a frame, in batches as small as this, so that tests cross their edges."""
    columns = {
        "id": pa.array(frame["id"].tolist(), pa.string()),
        "text": pa.array(frame["text"].tolist(), pa.string()),
        "label": pa.array(frame["label"].tolist(), pa.int64()),
    }
    if "group" in frame:
        columns["group"] = pa.array(frame["group"].tolist(), pa.string())
    whole = pa.RecordBatch.from_pydict(columns)
    pieces = [whole.slice(start, batch) for start in range(0, max(1, len(whole)), batch)]
    stored, _ = Rows.of(
        (
            store(prepare(piece, "none"), Path(_FOLDER.name) / uuid.uuid4().hex, len(piece))
            for piece in pieces
        ),
        Path(_FOLDER.name),
    )
    return stored
