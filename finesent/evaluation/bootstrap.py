"""How sure a difference between two ablations is: a paired bootstrap over seeds and items.

The method is the paired Multi-Bootstrap of Sellam et al. (2022), "The MultiBERTs: BERT Reproductions for
Robustness Analysis", ICLR, arXiv 2106.16163: every resample draws seeds with replacement, then items with
replacement, and uses the one draw for both ablations, because both were trained with the same seeds and
scored on the same items. The interval is the percentile interval of Efron and Tibshirani (1993, ch. 13).

The spread between seeds is estimated from few of them, and resampling S seeds finds (S - 1)/S of their
variance: with three seeds an interval is narrower than it ought to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from finesent.params.compare import Compare
from finesent.validation import Block

# Resamples are drawn in chunks of about this many item counts: 32 MiB an array, and a few arrays at a time.
_CHUNK = 1 << 22


class Interval(Block):
    """An estimate and the ends of its interval, in the unit of the metric."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Ablation minus baseline, each the mean over seeds.

    Attributes:
        accuracy: difference of the mean accuracies.
        macro_f1: difference of the mean macro-F1 scores.
        resampled: ``seeds and items``, or ``items`` where there is one seed; then the interval says
            nothing about how other seeds would have come out.
    """

    accuracy: Interval
    macro_f1: Interval
    resampled: str


def paired_bootstrap(
    labels: np.ndarray, ours: np.ndarray, baseline: np.ndarray, classes: int, rules: Compare
) -> Difference:
    """Return the differences in mean accuracy and mean macro-F1 with percentile intervals.

    Args:
        labels: (N,) true classes.
        ours: (S, N) classes predicted by the ablation.
        baseline: (S, N) classes predicted by the baseline, same seeds and items in the same order.
        classes: C.
        rules: confidence, number of resamples B and seed of the draws.

    Both are computed in float64, in O(B * N * S * C) time and memory bounded by one chunk of resamples.
    """
    seeds, items = ours.shape
    accuracy, macro_f1 = [], []
    for seed_counts, item_counts in _draws(seeds, items, rules):
        first = resampled_means(labels, ours, classes, seed_counts, item_counts)
        second = resampled_means(labels, baseline, classes, seed_counts, item_counts)
        accuracy.append(first[0] - second[0])
        macro_f1.append(first[1] - second[1])
    once = np.ones((1, seeds)), np.ones((1, items))
    observed = np.subtract(
        resampled_means(labels, ours, classes, *once), resampled_means(labels, baseline, classes, *once)
    )
    return Difference(
        accuracy=_interval(observed[0, 0], np.concatenate(accuracy), rules.confidence),
        macro_f1=_interval(observed[1, 0], np.concatenate(macro_f1), rules.confidence),
        resampled="seeds and items" if seeds > 1 else "items",
    )


def resampled_means(
    labels: np.ndarray, predicted: np.ndarray, classes: int, seed_counts: np.ndarray, item_counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean accuracy (B,) and mean macro-F1 (B,) over seeds for each of B resamples.

    A resample that holds an item twice counts it twice, so that the counts of true, predicted and
    right items per class are one matrix product with the item counts.

    Args:
        labels: (N,) true classes.
        predicted: (S, N) predicted classes.
        classes: C; a class without true and predicted items has an F1 of 0.
        seed_counts: (B, S) float64, how often each seed was drawn.
        item_counts: (B, N) float64, how often each item was drawn.
    """
    every = np.arange(classes)
    true = (labels[:, None] == every).astype(np.float64)
    true_counts = item_counts @ true
    accuracy = np.zeros(len(item_counts))
    macro_f1 = np.zeros(len(item_counts))
    for index, row in enumerate(predicted):
        chosen = (row[:, None] == every).astype(np.float64)
        right_counts = item_counts @ (true * chosen)
        # F1 = 2 TP / (2 TP + FP + FN), and the denominator is the number predicted plus the number true.
        sizes = true_counts + item_counts @ chosen
        f1 = np.divide(2 * right_counts, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        accuracy += seed_counts[:, index] * right_counts.sum(axis=1)
        macro_f1 += seed_counts[:, index] * f1.mean(axis=1)
    seeds, items = predicted.shape
    return accuracy / (seeds * items), macro_f1 / seeds


def _draws(seeds: int, items: int, rules: Compare) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(rules.seed)
    size = max(1, _CHUNK // items)
    for start in range(0, rules.resamples, size):
        rows = min(size, rules.resamples - start)
        yield _counts(seeds, rows, generator), _counts(items, rows, generator)


def _counts(size: int, rows: int, generator: np.random.Generator) -> np.ndarray:
    """Draw ``size`` out of ``size`` with replacement, ``rows`` times: (rows, size) multinomial counts."""
    drawn = generator.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)


def _interval(value: float, resampled: np.ndarray, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value=float(value), low=float(low), high=float(high))
