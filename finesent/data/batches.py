"""Batches of similar length, in an order that is random, seeded and the same for every ablation's seed.

Rows are shuffled, cut into windows of many batches, sorted by length within each window and cut into
batches, which are then shuffled. Every row is seen once an epoch; little of a batch is padding; and
because the windows are random, so is a batch's company, from epoch to epoch.
"""

from __future__ import annotations

import numpy as np

from finesent.params.ablation import Batch

# Larger windows pad less and mix less; at 32 batches padding is a few per cent of the tokens.
_WINDOW = 32


def epoch_batches(lengths: np.ndarray, batch: Batch, generator: np.random.Generator) -> list[np.ndarray]:
    """Return the row numbers of each batch of one epoch.

    Args:
        lengths: (N,) tokens of each row.
        batch: sentences in a batch, or tokens with padding.
        generator: decides the order.
    """
    order = generator.permutation(len(lengths))
    per_batch = batch.sentences or max(1, round((batch.tokens or 0) / lengths.mean()))
    window = _WINDOW * per_batch
    batches: list[np.ndarray] = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        # A stable sort keeps the random order among rows of equal length.
        batches += _cut(rows[np.argsort(lengths[rows], kind="stable")], lengths, batch)
    return [batches[index] for index in generator.permutation(len(batches))]


def length_ordered(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Return batches for scoring: all rows by length, each batch at most ``tokens`` with padding."""
    return _by_tokens(np.argsort(lengths, kind="stable"), lengths, tokens)


def _cut(rows: np.ndarray, lengths: np.ndarray, batch: Batch) -> list[np.ndarray]:
    if batch.sentences is not None:
        return [rows[start : start + batch.sentences] for start in range(0, len(rows), batch.sentences)]
    return _by_tokens(rows, lengths, batch.tokens or 1)


def _by_tokens(rows: np.ndarray, lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Cut rows sorted by length into batches whose padded size is at most ``tokens`` (or one row)."""
    batches: list[np.ndarray] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or (end + 1 - start) * lengths[rows[end]] > tokens:
            batches.append(rows[start:end])
            start = end
    return batches
