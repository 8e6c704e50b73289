"""Making one batch of rows ready for all that clean decides: cleaned texts, and what they are compared by."""

from __future__ import annotations

import pyarrow as pa

from finesent.data.bulk import clean_texts, copy_hashes, text_hashes


def prepare(batch: pa.RecordBatch, recipe: str) -> pa.RecordBatch:
    """Clean the texts of a batch as read, and drop the rows that are left without one.

    Returns:
        The other rows, with the columns ``words`` (int64), ``text_hash`` and ``copy_hash`` (uint64) besides.
    """
    cleaned = clean_texts(batch["text"].to_pylist(), recipe)
    texts = [text for text in cleaned if text]
    kept = batch.filter(pa.array([bool(text) for text in cleaned], pa.bool_()))
    columns = {name: kept[name] for name in kept.schema.names}
    columns["text"] = pa.array(texts, pa.string())
    # In a cleaned text one space stands between two words.
    columns["words"] = pa.array([text.count(" ") + 1 for text in texts], pa.int64())
    columns["text_hash"] = pa.array(text_hashes(texts))
    columns["copy_hash"] = pa.array(copy_hashes(texts))
    return pa.RecordBatch.from_pydict(columns)
