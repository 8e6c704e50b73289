"""How much of each row of dev and test is a phrase that training sentences have too.

Scores with and without the rows that share long phrases with train tell what a model may owe to them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from finesent.data.cleaning import normalised
from finesent.data.tables import write_batches


def longest_recurring(text: str, phrases: set[str]) -> str:
    """Return the longest run of a text's words, in their normalised form, that is one of the phrases.

    The first of several; empty where there is none.

    Args:
        text: of one row.
        phrases: normalised (:func:`finesent.data.cleaning.normalised`).
    """
    words = normalised(text).split(" ")
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            run = " ".join(words[start : start + length])
            if run in phrases:
                return run
    return ""


def write_recurring(path: Path, splits: dict[str, pd.DataFrame], phrases: pd.DataFrame) -> None:
    """Write the columns ``id, split, phrase, words`` of dev and test.

    ``phrase`` (str) is the longest that recurs in train, ``words`` (int64) the number of its words: 0 where
    none recurs, and everywhere where the data have no phrases.

    Args:
        path: of the Parquet file.
        splits: rows with ``id`` of ``dev`` and ``test``; with ``text`` too, if there are phrases.
        phrases: train's, with ``text``.
    """
    known = {normalised(text) for text in phrases["text"]}
    tables = []
    for name in ("dev", "test"):
        rows = splits[name]
        runs, words = pa.repeat("", len(rows)), pa.repeat(0, len(rows))
        if known:
            longest = [longest_recurring(text, known) for text in rows["text"]]
            runs = pa.array(longest, pa.string())
            words = pa.array([len(run.split()) for run in longest], pa.int64())
        ids = pa.array(rows["id"], pa.string())
        tables.append(
            pa.table({"id": ids, "split": pa.repeat(name, len(rows)), "phrase": runs, "words": words})
        )
    write_batches(path, tables)
