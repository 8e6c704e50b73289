"""Test items that share much with training rows, and what is left of the scores without them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from finesent.evaluation.metrics import score
from finesent.evaluation.predictions import ScoredSplit
from finesent.evaluation.spreads import Spread, spreads


def test_ids_near_train(duplicates: pa.Table, train_ids: set[str], split: str = "test") -> set[str]:
    """Return the ids of a split's items that exactly or nearly repeat a row that was trained on.

    Args:
        duplicates: data/clean/duplicates.parquet; of a pair across splits, train's row stands first.
        train_ids: rows that were drawn for training.
        split: ``test`` or ``dev``.
    """
    columns = duplicates.select(["first_split", "first_id", "second_split", "second_id"]).to_pydict()
    return {
        second_id
        for first_split, first_id, second_split, second_id in zip(*columns.values(), strict=True)
        if first_split == "train" and second_split == split and first_id in train_ids
    }


def test_ids_with_phrase(recurring: pa.Table, min_words: int) -> set[str] | None:
    """Return the ids of the test items whose longest phrase of train has ``min_words`` words or more.

    None where no test item holds any phrase at all, as in data without trees.

    Args:
        recurring: data/clean/recurring.parquet.
        min_words: 1 or more.
    """
    columns = recurring.select(["split", "id", "words"]).to_pydict()
    longest = {item: words for split, item, words in zip(*columns.values(), strict=True) if split == "test"}
    if not any(longest.values()):
        return None
    return {item for item, words in longest.items() if words >= min_words}


def scores_without(split: ScoredSplit, ids: set[str]) -> dict[str, Spread] | None:
    """Return each metric over the seeds of a split without some items; None if it would stay as it is.

    Also None where nothing would be left.
    """
    kept = np.array([item not in ids for item in split.ids])
    if kept.all() or not kept.any():
        return None
    return spreads([score(split.labels[kept], logits[kept]) for logits in split.logits])
