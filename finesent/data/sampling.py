"""Drawing training rows: at random, seeded, in proportion from every label × length bin."""

from __future__ import annotations

import numpy as np

from finesent.errors import FinesentError
from finesent.params.sample import Sample


def draw_rows(labels: np.ndarray, words: np.ndarray, rules: Sample) -> np.ndarray:
    """Return the numbers of the drawn rows, ascending; those of upsampled rows stand several times.

    Args:
        labels: (N,) int64.
        words: (N,) int64, how many each text has.
        rules: how to draw.

    Raises:
        FinesentError: more rows are asked for than there are.
    """
    if rules.train_size is not None and rules.train_size > len(labels) and rules.balance != "upsample":
        raise FinesentError(
            "params.yaml: sample.train_size",
            f"{rules.train_size} rows are asked for and there are {len(labels)}",
            "lower it, or set it to null to take every row",
        )
    generator = np.random.default_rng(rules.seed)
    bins = length_bins(words, rules.length_bins)
    if rules.balance == "none":
        size = len(labels) if rules.train_size is None else rules.train_size
        chosen = _draw(labels * rules.length_bins + bins, size, generator)
    else:
        chosen = _draw_balanced(labels, bins, rules, generator)
    return np.sort(chosen)


def length_bins(words: np.ndarray, count: int) -> np.ndarray:
    """Return the quantile bin 0..count-1 of each of (N,) numbers of words; ties share a bin."""
    edges = np.quantile(words, np.arange(1, count) / count)
    bins: np.ndarray = np.searchsorted(edges, words, side="left")
    return bins


def allocate(sizes: np.ndarray, total: int) -> np.ndarray:
    """Share ``total`` draws among groups in proportion to ``sizes``, by the largest remainder.

    No group gets more than it has, provided that ``total`` is at most the sum of the sizes.
    """
    exact = sizes * (total / sizes.sum())
    quota: np.ndarray = np.floor(exact).astype(np.int64)
    # A stable sort makes equal remainders fall to the earlier group, on every machine.
    order = np.argsort(-(exact - quota), kind="stable")
    quota[order[: total - quota.sum()]] += 1
    return quota


def _draw(strata: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw ``size`` row numbers without replacement, in proportion from every stratum."""
    names, counts = np.unique(strata, return_counts=True)
    quotas = allocate(counts, size)
    drawn = [
        generator.choice(np.flatnonzero(strata == name), quota, replace=False)
        for name, quota in zip(names, quotas, strict=True)
    ]
    rows: np.ndarray = np.concatenate(drawn)
    return rows


def _draw_balanced(
    labels: np.ndarray, bins: np.ndarray, rules: Sample, generator: np.random.Generator
) -> np.ndarray:
    classes, counts = np.unique(labels, return_counts=True)
    targets = _class_targets(counts, rules)
    chosen = []
    for label, target in zip(classes, targets, strict=True):
        members = np.flatnonzero(labels == label)
        whole, rest = divmod(int(target), len(members))
        chosen.append(np.repeat(members, whole))
        if rest:
            chosen.append(members[_draw(bins[members], rest, generator)])
    return np.concatenate(chosen)


def _class_targets(counts: np.ndarray, rules: Sample) -> np.ndarray:
    """Rows that each class ends with: equal, but for a remainder that falls to the first classes."""
    if rules.balance == "upsample":
        total = counts.max() * len(counts) if rules.train_size is None else rules.train_size
    else:
        most = counts.min() * len(counts)
        total = most if rules.train_size is None else min(rules.train_size, most)
    return allocate(np.ones(len(counts)), int(total))
