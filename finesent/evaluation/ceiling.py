"""How far people agree on the test items: what a score can be held against.

Every agreement is an expected confusion matrix an item, its cells summing to 1, so that items count alike
however many people rated them. The metrics follow from the sum of the matrices, and their intervals from
sums over resampled items.
"""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pyarrow as pa

from finesent.data.readers import rating_class
from finesent.evaluation.resampling import item_counts
from finesent.evaluation.results import CeilingRow
from finesent.evaluation.spreads import rounded
from finesent.params.compare import Compare

# Where panel.parquet says which data set its second labels are from.
_SECOND = b"finesent"
_HALVINGS = 200

_NO_LIMIT = (
    "This is agreement among people, not a limit: a model that learns to predict the mean of many people "
    "can be closer to that mean than one of them, or a part of them, is."
)
_HELD_OUT_NOTE = (
    "The class of each single rating against the class of the mean of the item's other ratings, averaged "
    f"over all raters of an item. {_NO_LIMIT}"
)
_HALVES_NOTE = (
    "The class of the mean of a random half of an item's ratings against that of the other half, over "
    f"{_HALVINGS} halvings an item; the label is a mean of twice as many. {_NO_LIMIT}"
)
_SECOND_NOTE = (
    "The class that {name} has for the same sentence, from other people and other rules, against this "
    "study's label. This is agreement among people, not a limit: a model can learn how this study's label "
    "is made."
)


def ceiling(panel: pa.Table, labels_by_id: dict[str, int], classes: int, rules: Compare) -> list[CeilingRow]:
    """Return how well people do what the models are asked to do, where the data can tell.

    Args:
        panel: data/clean/panel.parquet.
        labels_by_id: the test items and their labels.
        classes: C.
        rules: confidence, resamples and seed of the intervals.

    Returns:
        At most three rows: one held-out rater and half of the panel, on the items with at least two
        ratings, and a second panel, on the items that it labelled too.
    """
    rows = [row for row in panel.to_pylist() if row["split"] == "test" and row["id"] in labels_by_id]
    ratings = [np.array(row["ratings"], dtype=np.int64) for row in rows if len(row["ratings"]) > 1]
    found = []
    if ratings:
        found.append(_row("one held-out rater", _held_out(ratings, classes), rules, _HELD_OUT_NOTE))
        halves = _halves(ratings, classes, np.random.default_rng(rules.seed))
        found.append(_row("half of the panel", halves, rules, _HALVES_NOTE))
    twice = [
        (labels_by_id[row["id"]], row["second_label"]) for row in rows if row["second_label"] is not None
    ]
    if twice:
        name = _second_title(panel)
        matrices = _one_answer(np.array(twice, dtype=np.int64), classes)
        found.append(_row(f"second panel ({name})", matrices, rules, _SECOND_NOTE.format(name=name)))
    return found


def _held_out(ratings: list[np.ndarray], classes: int) -> np.ndarray:
    """Return (N, C, C): row is the class of the others' mean, column that of the one left out."""
    sizes = np.array([len(given) for given in ratings])
    totals = np.array([given.sum() for given in ratings])
    each = np.concatenate(ratings)
    items = np.repeat(np.arange(len(ratings)), sizes)
    others = _classes_of_means(totals[items] - each, sizes[items] - 1, classes)
    own = _classes_of_means(each, np.ones_like(each), classes)
    return _matrices(items, others, own, 1 / sizes[items], len(ratings), classes)


def _halves(ratings: list[np.ndarray], classes: int, generator: np.random.Generator) -> np.ndarray:
    """Return (N, C, C), each half as the row and as the column; of an odd number one half has one more."""
    sizes = np.array([len(given) for given in ratings])
    matrices = np.zeros((len(ratings), classes, classes))
    for size in np.unique(sizes):
        items = np.flatnonzero(sizes == size)
        group = np.stack([ratings[item] for item in items])
        half = int(size) // 2
        drawn = np.stack([generator.permuted(group, axis=1)[:, :half].sum(axis=1) for _ in range(_HALVINGS)])
        first = _classes_of_means(drawn, np.full_like(drawn, half), classes)
        rest = group.sum(axis=1) - drawn
        second = _classes_of_means(rest, np.full_like(rest, size - half), classes)
        repeated = np.tile(np.arange(len(items)), _HALVINGS)
        weights = np.full(repeated.size, 1 / (2 * _HALVINGS))
        one_way = _matrices(repeated, first.ravel(), second.ravel(), weights, len(items), classes)
        matrices[items] = one_way + one_way.transpose(0, 2, 1)
    return matrices


def _one_answer(pairs: np.ndarray, classes: int) -> np.ndarray:
    """Return (N, C, C) of (N, 2) pairs of a label and an answer."""
    items = np.arange(len(pairs))
    return _matrices(items, pairs[:, 0], pairs[:, 1], np.ones(len(pairs)), len(pairs), classes)


def _classes_of_means(sums: np.ndarray, counts: np.ndarray, classes: int) -> np.ndarray:
    """Return the class of each mean ``sums / counts``, without rounding; equal means are looked at once."""
    stride = int(counts.max()) + 1
    coded, where = np.unique(sums * stride + counts, return_inverse=True)
    means = [Fraction(int(code) // stride, int(code) % stride) for code in coded]
    return np.array([rating_class(mean, classes) for mean in means])[where].reshape(sums.shape)


def _matrices(
    items: np.ndarray,
    references: np.ndarray,
    answers: np.ndarray,
    weights: np.ndarray,
    count: int,
    classes: int,
) -> np.ndarray:
    """Add weights up into (count, C, C), by item, reference class and answered class."""
    cells = (items * classes + references) * classes + answers
    flat = np.bincount(cells, weights, minlength=count * classes * classes)
    return flat.reshape(count, classes, classes)


def _row(name: str, matrices: np.ndarray, rules: Compare, note: str) -> CeilingRow:
    items, classes, _ = matrices.shape
    flat = matrices.reshape(items, -1)
    observed = _metrics(flat.sum(axis=0).reshape(1, classes, classes))
    generator = np.random.default_rng(rules.seed)
    sums = [counts.astype(np.float64) @ flat for counts in item_counts(items, rules.resamples, generator)]
    resampled = _metrics(np.concatenate(sums).reshape(-1, classes, classes))
    tail = (1 - rules.confidence) / 2
    scores = {}
    for metric, values in resampled.items():
        low, high = np.quantile(values, [tail, 1 - tail])
        scores[metric] = (rounded(observed[metric][0]), rounded(low), rounded(high))
    return CeilingRow(name=name, n=items, scores=scores, note=note)


def _metrics(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Return each metric of (B, C, C) confusion matrices; see :mod:`finesent.evaluation.metrics`."""
    classes = confusions.shape[1]
    every = np.arange(classes)
    apart = np.abs(every[:, None] - every)
    total = confusions.sum(axis=(1, 2))
    of_class, as_class = confusions.sum(axis=2), confusions.sum(axis=1)
    right = np.diagonal(confusions, axis1=1, axis2=2)
    sizes = of_class + as_class
    f1 = np.divide(2 * right, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    by_chance = np.einsum("bi,ij,bj->b", of_class, apart**2, as_class) / total
    disagreement = (confusions * apart**2).sum(axis=(1, 2))
    # 0/0, where all is one class, is given as no agreement beyond chance.
    ratio = np.divide(disagreement, by_chance, out=np.ones_like(total), where=by_chance > 0)
    return {
        "accuracy": right.sum(axis=1) / total,
        "macro_f1": f1.mean(axis=1),
        "mae": (confusions * apart).sum(axis=(1, 2)) / total,
        "quadratic_kappa": 1 - ratio,
        "within_1": (confusions * (apart <= 1)).sum(axis=(1, 2)) / total,
    }


def _second_title(panel: pa.Table) -> str:
    """Return the title of the data set whose people labelled some items too."""
    title: str = json.loads(panel.schema.metadata[_SECOND])["title"]
    return title
