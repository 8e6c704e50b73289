"""Hierarchical paired resampling: seeds, then items, and every metric of every model on each resample.

The draws are those of the paired Multi-Bootstrap of Sellam et al. (2022), "The MultiBERTs: BERT
Reproductions for Robustness Analysis", ICLR, arXiv 2106.16163: one draw of seeds and one of items serves all
ablations, because all were trained with the same seeds and scored on the same items.

A resample that holds an item twice counts it twice. All four metrics follow from sums over items, so that
one matrix product with the item counts gives them for every model at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from finesent.evaluation.results import METRICS, MetricName
from finesent.params.compare import Compare

# Resamples are drawn in chunks of about this many item counts: 16 MiB an array, and a few arrays at a time.
_CHUNK = 1 << 22
# Sums of whole numbers are exact in float32 up to here.
_EXACT = 1 << 24


@dataclass(frozen=True, eq=False)
class Resamples:
    """Metrics of one test set.

    Attributes:
        items: N, the number of items.
        observed: by metric and ablation, (S,) values of each seed on the items themselves.
        resampled: by metric and ablation, (B, S) values of each seed on each resample of items.
        seed_counts: (B, S) how often each resample holds each seed.
    """

    items: int
    observed: dict[str, dict[str, np.ndarray]]
    resampled: dict[str, dict[str, np.ndarray]]
    seed_counts: np.ndarray


def resample(labels: np.ndarray, predicted: dict[str, np.ndarray], classes: int, rules: Compare) -> Resamples:
    """Draw resamples and compute the metrics of all ablations on each.

    Args:
        labels: (N,) true classes 0..C-1.
        predicted: by ablation, (S, N) predicted classes; same seeds and items in the same order everywhere.
        classes: C.
        rules: number of resamples B and seed of the draws.

    The metrics are computed in float64 from exact sums, in O(B * N * A * S * C) time for A ablations; memory
    is bounded by one chunk of resamples, the sums of one ablation and the B * A * S results.
    """
    seeds, items = next(iter(predicted.values())).shape
    once = np.ones((1, items), dtype=_sum_type(items, classes))
    observed = _by_metric({name: _metrics(labels, rows, classes, once) for name, rows in predicted.items()})
    generator = np.random.default_rng(rules.seed)
    # Seeds first: the draws of items then need not be kept, whatever their number.
    seed_counts = _counts(seeds, rules.resamples, generator)
    chunks: dict[str, list[dict[MetricName, np.ndarray]]] = {name: [] for name in predicted}
    for drawn in item_counts(items, rules.resamples, generator):
        counts = drawn.astype(once.dtype)
        for name, rows in predicted.items():
            chunks[name].append(_metrics(labels, rows, classes, counts))
    joined = {
        name: {metric: np.concatenate([part[metric] for part in parts]) for metric in METRICS}
        for name, parts in chunks.items()
    }
    return Resamples(
        items,
        {metric: {name: values[0] for name, values in by.items()} for metric, by in observed.items()},
        _by_metric(joined),
        seed_counts,
    )


def _by_metric(by_name: dict[str, dict[MetricName, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    return {metric: {name: values[metric] for name, values in by_name.items()} for metric in METRICS}


def _metrics(
    labels: np.ndarray, predicted: np.ndarray, classes: int, counts: np.ndarray
) -> dict[MetricName, np.ndarray]:
    """Return each metric as (B, S): S models on B resamples with the item counts (B, N)."""
    kind = counts.dtype
    every = np.arange(classes)
    true = (labels[:, None] == every).astype(kind)
    seeds, items = predicted.shape
    distance = np.abs(predicted - labels)
    chosen = predicted[:, :, None] == every
    columns = np.concatenate(
        [
            chosen.transpose(1, 0, 2).reshape(items, -1),
            (chosen & (labels[:, None] == every)).transpose(1, 0, 2).reshape(items, -1),
            distance.T,
            (distance**2).T,
        ],
        axis=1,
    ).astype(kind)
    sums = (counts @ columns).astype(np.float64)
    rows = len(counts)
    of_class = (counts @ true).astype(np.float64)[:, None, :]
    as_class, right, apart, apart_squared = np.split(
        sums, np.cumsum([seeds * classes, seeds * classes, seeds]), axis=1
    )
    as_class, right = as_class.reshape(rows, seeds, classes), right.reshape(rows, seeds, classes)
    return {
        "accuracy": right.sum(axis=2) / items,
        "macro_f1": _macro_f1(of_class, as_class, right),
        "mae": apart / items,
        "quadratic_kappa": _quadratic_kappa(of_class, as_class, apart_squared, items),
    }


def _macro_f1(of_class: np.ndarray, as_class: np.ndarray, right: np.ndarray) -> np.ndarray:
    # F1 = 2 TP / (2 TP + FP + FN), and the denominator is the number predicted plus the number true.
    sizes = of_class + as_class
    f1: np.ndarray = np.divide(2 * right, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    means: np.ndarray = f1.mean(axis=2)
    return means


def _quadratic_kappa(
    of_class: np.ndarray, as_class: np.ndarray, apart_squared: np.ndarray, items: int
) -> np.ndarray:
    """Cohen's kappa with quadratic weights (Cohen 1968), 0 where it is 0/0.

    The disagreement expected by chance, sum over i and j of (i - j)^2 t_i p_j / N for t_i true and p_j
    predicted items, needs the first two moments of t and p alone.
    """
    every = np.arange(of_class.shape[2], dtype=np.float64)
    first_true, second_true = of_class @ every, of_class @ every**2
    first_chosen, second_chosen = as_class @ every, as_class @ every**2
    by_chance = second_true + second_chosen - 2 * first_true * first_chosen / items
    # The difference of equal sums may miss zero by rounding.
    sound = by_chance > 1e-9 * items
    ratio: np.ndarray = np.divide(apart_squared, by_chance, out=np.ones_like(apart_squared), where=sound)
    return 1.0 - ratio


def _sum_type(items: int, classes: int) -> type[np.float32 | np.float64]:
    return np.float32 if items * (classes - 1) ** 2 < _EXACT else np.float64


def item_counts(items: int, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Give how often each of N items is in each of B resamples, some rows of (B, N) at a time."""
    size = max(1, _CHUNK // items)
    for start in range(0, resamples, size):
        yield _counts(items, min(size, resamples - start), generator)


def _counts(size: int, rows: int, generator: np.random.Generator) -> np.ndarray:
    """Draw ``size`` out of ``size`` with replacement, ``rows`` times: (rows, size) multinomial counts."""
    drawn = generator.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
