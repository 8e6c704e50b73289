"""Batches of similar length, in an order that is random, seeded and the same for every ablation's seed.

Rows are shuffled, cut into windows of many batches, sorted by length within each window and cut into
batches, which are then shuffled. Every row is seen once an epoch; little of a batch is padding; and
because there are several windows, which are random, so is a batch's company, from epoch to epoch.

Class-aware batches are made in the same way out of pairs: each pair has one class and similar lengths.
"""

from __future__ import annotations

import math

import numpy as np

from finesent.errors import FinesentError
from finesent.params.ablation import Batch

# Larger windows pad less and mix less; at 64 batches padding is about two per cent of the tokens.
_WINDOW = 64
# Equal parts of a batch that are tried; few numbers, so that batches have few shapes, which cost kernels.
_PARTS = (1, 2, 4, 8)
# In a single window rows of like lengths would meet in every epoch. So few rows, too, make several of them.
_WINDOWS = 4


def epoch_batches(
    lengths: np.ndarray, batch: Batch, generator: np.random.Generator, labels: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the row numbers of each batch of one epoch.

    Args:
        lengths: (N,) tokens of each row.
        batch: sentences in a batch, or tokens with padding.
        generator: decides the order.
        labels: (N,) classes, which only class-aware batches look at.

    Raises:
        FinesentError: batches are to be class-aware, and a class has a single row.
    """
    if batch.class_aware:
        assert labels is not None and batch.sentences is not None
        return _class_aware(lengths, labels, batch.sentences, generator)
    order = generator.permutation(len(lengths))
    per_batch = batch.sentences or max(1, round((batch.tokens or 0) / lengths.mean()))
    window = per_batch * _window(len(lengths) // per_batch)
    batches: list[np.ndarray] = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        # A stable sort keeps the random order among rows of equal length.
        batches += _cut(rows[np.argsort(lengths[rows], kind="stable")], lengths, batch)
    return [batches[index] for index in generator.permutation(len(batches))]


def length_ordered(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Return batches for scoring: all rows by length, each batch at most ``tokens`` with padding."""
    return _by_tokens(np.argsort(lengths, kind="stable"), lengths, tokens)


def parts_by_length(lengths: np.ndarray, tokens: float) -> list[np.ndarray]:
    """Cut a batch into parts of equal size, by length, so that its passes cost least.

    A part is padded to its longest row, and each takes as long as ``tokens`` tokens over and above its own.

    Args:
        lengths: (B,) of the batch's rows.
        tokens: infinite for a single part.

    Returns:
        For each part the places of its rows in the batch, shortest first.
    """
    order = np.argsort(lengths, kind="stable")
    cuts = [np.array_split(order, parts) for parts in _PARTS if parts <= max(1, len(order))]

    def cost(cut: list[np.ndarray]) -> float:
        return sum(tokens + len(part) * int(lengths[part[-1]]) for part in cut)

    return cuts[0] if math.isinf(tokens) else min(cuts, key=cost)


def _class_aware(
    lengths: np.ndarray, labels: np.ndarray, sentences: int, generator: np.random.Generator
) -> list[np.ndarray]:
    """Batches of whole pairs: at most ``sentences`` rows, each with another of its class beside it."""
    pairs = _pairs(lengths, labels, generator)
    longest = np.array([lengths[pair].max() for pair in pairs])
    order = generator.permutation(len(pairs))
    window = sentences // 2 * _window(len(lengths) // sentences)
    batches: list[np.ndarray] = []
    for start in range(0, len(order), window):
        chosen = order[start : start + window]
        held: list[np.ndarray] = []
        for pair in (pairs[index] for index in chosen[np.argsort(longest[chosen], kind="stable")]):
            if sum(map(len, held)) + len(pair) > sentences:
                batches.append(np.concatenate(held))
                held = []
            held.append(pair)
        batches.append(np.concatenate(held))
    return [batches[index] for index in generator.permutation(len(batches))]


def _pairs(lengths: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Cut the rows of each class into pairs of similar length; the last of an odd class has three rows."""
    pairs: list[np.ndarray] = []
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        if len(rows) < 2:
            raise FinesentError(
                "params.yaml: batch.class_aware",
                f"class {label} has one training row, which can have no other beside it",
                "train on more rows, or set class_aware to false",
            )
        # Even, so that no pair is of two windows.
        window = max(2, _window(len(rows)) // 2 * 2)
        for start in range(0, len(rows), window):
            near = rows[start : start + window]
            rows[start : start + window] = near[np.argsort(lengths[near], kind="stable")]
        pairs += np.split(rows, range(2, len(rows) - 1, 2))
    return pairs


def _window(there: int) -> int:
    """Return how many batches, or rows of a class, make a window, of so many that there are."""
    return max(1, min(_WINDOW, there // _WINDOWS))


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
