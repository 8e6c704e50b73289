"""What is drawn of an ablation on test: confusion, calibration, ROC and precision over recall."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from finesent.evaluation.metrics import CalibrationBin, calibration_bins, probabilities
from finesent.evaluation.predictions import Predictions, ScoredSplit
from finesent.evaluation.spreads import rounded
from finesent.files import replacing

# As many points of a curve as anyone can tell apart on a screen.
_MOST_POINTS = 200


@dataclass(frozen=True, eq=False)
class Points:
    """A curve: (P,) x and (P,) y, in the order in which they are joined."""

    x: np.ndarray
    y: np.ndarray


def calibration(split: ScoredSplit) -> list[CalibrationBin]:
    """Return the bins of the calibration error, over the answers of all seeds together."""
    confidence = probabilities(split.logits).max(axis=2)
    return calibration_bins(confidence.ravel(), (split.predicted == split.labels).ravel())


def roc(split: ScoredSplit, names: list[str]) -> dict[str, Points]:
    """Return true over false positive rate of each class against the rest.

    Args:
        split: N items under S seeds; an item's score for a class is its mean probability over seeds.
        names: C class names.

    Returns:
        By name; a class that no item has, or that all have, has no curve and is left out.
    """

    def points(positive: np.ndarray, scores: np.ndarray) -> Points:
        false_positive_rate, true_positive_rate, _ = roc_curve(positive, scores, drop_intermediate=True)
        return Points(false_positive_rate, true_positive_rate)

    return _one_against_rest(split, names, points)


def precision_recall(split: ScoredSplit, names: list[str]) -> dict[str, Points]:
    """Return precision over recall of each class against the rest, from recall 0 on; as :func:`roc`."""

    def points(positive: np.ndarray, scores: np.ndarray) -> Points:
        precision, recall, _ = precision_recall_curve(positive, scores, drop_intermediate=True)
        return Points(recall[::-1], precision[::-1])

    return _one_against_rest(split, names, points)


def thinned(points: Points, most: int = _MOST_POINTS) -> Points:
    """Leave out points so that at most ``most`` stay, the ends among them.

    Along the curve (|dx| + |dy| added up) no point that goes is further than 1 / (``most`` - 1) of the
    curve's length from one that stays.
    """
    if len(points.x) <= most:
        return points
    steps = np.abs(np.diff(points.x)) + np.abs(np.diff(points.y))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, along[-1], most)
    # The last point at or before each wanted position.
    kept = np.unique(np.searchsorted(along, wanted, side="right") - 1)
    return Points(points.x[kept], points.y[kept])


def write_plots(folder: Path, predictions: Predictions) -> None:
    """Write confusion.csv, calibration.csv, roc.csv and precision_recall.csv, as DVC's plots read them."""
    split, names = predictions.splits["test"], predictions.labels
    _write(folder / "confusion.csv", ["actual", "predicted"], _answers(split, names))
    bins = calibration(split)
    _write(
        folder / "calibration.csv",
        ["confidence", "accuracy", "n"],
        ([rounded(entry.confidence), rounded(entry.accuracy), entry.n] for entry in bins),
    )
    _write_curves(folder / "roc.csv", "false_positive_rate", "true_positive_rate", roc(split, names))
    _write_curves(folder / "precision_recall.csv", "recall", "precision", precision_recall(split, names))


def _one_against_rest(
    split: ScoredSplit, names: list[str], points: Callable[[np.ndarray, np.ndarray], Points]
) -> dict[str, Points]:
    mean = probabilities(split.logits).mean(axis=0)
    curves = {}
    for number, name in enumerate(names):
        positive = split.labels == number
        if 0 < positive.sum() < len(positive):
            curves[name] = thinned(points(positive, mean[:, number]))
    return curves


def _answers(split: ScoredSplit, names: list[str]) -> Iterable[list[str]]:
    # DVC's template sorts the classes by name; numbered, they come lowest first.
    width = len(str(len(names) - 1))
    numbered = [f"{number:0{width}d} {name}" for number, name in enumerate(names)]
    for predicted in split.predicted:
        for label, answer in zip(split.labels, predicted, strict=True):
            yield [numbered[label], numbered[answer]]


def _write_curves(path: Path, x: str, y: str, curves: dict[str, Points]) -> None:
    # Points of equal x must be joined in their own order, which a chart does not keep by itself.
    rows = (
        [name, number, rounded(point[0]), rounded(point[1])]
        for name, points in curves.items()
        for number, point in enumerate(zip(points.x, points.y, strict=True))
    )
    _write(path, ["class", "point", x, y], rows)


def _write(path: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
