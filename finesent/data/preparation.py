"""Making one batch of rows ready for all that clean decides: cleaned texts, and what they are compared by."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from finesent.data.bulk import clean_texts, copy_hashes, text_hashes
from finesent.data.joined import cleaned_word_counts


def prepare(batch: pa.RecordBatch, recipe: str) -> pa.RecordBatch:
    """Clean the texts of a batch as read, and drop the rows that are left without one.

    Returns:
        The other rows, with the columns ``words`` (int64), ``text_hash`` and ``copy_hash`` (uint64) besides.
    """
    columns = {name: batch[name] for name in batch.schema.names}
    columns["text"] = clean_texts(batch["text"], recipe)
    kept = pa.RecordBatch.from_pydict(columns)
    lengths = pc.binary_length(kept["text"])
    # Nearly always all are kept, and need not be copied.
    if pc.min(lengths).as_py() == 0:
        kept = kept.filter(pc.greater(lengths, 0))
    texts = kept["text"]
    numbers = {
        "words": cleaned_word_counts(texts),
        "text_hash": text_hashes(texts),
        "copy_hash": copy_hashes(texts),
    }
    return pa.RecordBatch.from_pydict(
        {name: kept[name] for name in kept.schema.names} | {name: pa.array(n) for name, n in numbers.items()}
    )
