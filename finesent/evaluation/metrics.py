"""Metrics of one model on one split, from its labels (N,) and its logits or probabilities (N, C)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score, precision_recall_fscore_support

_CALIBRATION_BINS = 15
_COLLAPSE_MARGIN = 0.02


@dataclass(frozen=True)
class Scores:
    """The scalar metrics; classes are taken as equally spaced where their order counts.

    Attributes:
        accuracy: share of items whose class is right.
        macro_f1: mean F1 over all C classes, 0 for a class that is neither predicted nor present.
        mae: mean distance between predicted and true class, in classes.
        quadratic_kappa: Cohen's kappa with quadratic weights (see :func:`quadratic_kappa`).
        within_1: share of items whose class is right or a neighbour of the right one.
        ece: expected calibration error (see :func:`calibration_error`).
    """

    accuracy: float
    macro_f1: float
    mae: float
    quadratic_kappa: float
    within_1: float
    ece: float


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 (0 where undefined) of one class, and its number of items."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class LengthBin:
    """Accuracy on the n items whose text has from ``shortest`` to ``longest`` words."""

    shortest: int
    longest: int
    n: int
    accuracy: float


@dataclass(frozen=True)
class CalibrationBin:
    """Mean confidence and accuracy of the n items whose confidence falls into one bin."""

    confidence: float
    accuracy: float
    n: int


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis in float64, of the same shape."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def score(labels: np.ndarray, logits: np.ndarray) -> Scores:
    """Return the scalar metrics.

    Args:
        labels: (N,) classes 0..C-1.
        logits: (N, C).
    """
    # Not the argmax of the probabilities: logits that differ may round to equal ones.
    return _score(labels, logits.argmax(axis=1), probabilities(logits))


def score_probabilities(labels: np.ndarray, probability: np.ndarray) -> Scores:
    """Return the scalar metrics where there are no logits: of merged classes, or of a mean over seeds.

    Args:
        labels: (N,) classes 0..C-1.
        probability: (N, C), each row summing to 1.
    """
    return _score(labels, probability.argmax(axis=1), probability)


def _score(labels: np.ndarray, predicted: np.ndarray, probability: np.ndarray) -> Scores:
    classes = probability.shape[1]
    distance = np.abs(predicted - labels)
    return Scores(
        accuracy=float(np.mean(distance == 0)),
        macro_f1=float(f1_score(labels, predicted, labels=range(classes), average="macro", zero_division=0)),
        mae=float(np.mean(distance)),
        quadratic_kappa=quadratic_kappa(labels, predicted, classes),
        within_1=float(np.mean(distance <= 1)),
        ece=calibration_error(calibration_bins(probability.max(axis=1), distance == 0)),
    )


def quadratic_kappa(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen 1968) over classes 0..C-1.

    Where labels and predictions are all one and the same class, chance alone agrees perfectly and
    kappa is 0/0; it is given as 0 then, no agreement beyond chance.
    """
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        kappa = float(cohen_kappa_score(labels, predicted, labels=range(classes), weights="quadratic"))
    return 0.0 if np.isnan(kappa) else kappa


def calibration_bins(
    confidence: np.ndarray, correct: np.ndarray, bins: int = _CALIBRATION_BINS
) -> list[CalibrationBin]:
    """Return the bins that hold items, least confident first.

    Args:
        confidence: (N,) probability of the predicted class.
        correct: (N,) whether it is the right one.
        bins: M bins of equal width, ((m-1)/M, m/M].
    """
    which = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    sizes = np.bincount(which, minlength=bins)
    sums = np.bincount(which, confidence, minlength=bins)
    hits = np.bincount(which, correct, minlength=bins)
    return [
        CalibrationBin(float(sums[m] / sizes[m]), float(hits[m] / sizes[m]), int(sizes[m]))
        for m in np.flatnonzero(sizes)
    ]


def calibration_error(bins: list[CalibrationBin]) -> float:
    """Return the expected calibration error of the top class (Guo et al. 2017, arXiv 1706.04599).

    It is the mean over bins, weighted by items, of |accuracy - mean confidence|.
    """
    gaps = sum(entry.n * abs(entry.accuracy - entry.confidence) for entry in bins)
    return gaps / sum(entry.n for entry in bins)


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return (C, C) int64 counts: row is the true class, column the predicted one."""
    return np.asarray(confusion_matrix(labels, predicted, labels=range(classes)), dtype=np.int64)


def per_class(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[ClassScores]:
    """Return the scores of each class 0..C-1."""
    columns = precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    return [
        ClassScores(float(precision), float(recall), float(f1), int(support))
        for precision, recall, f1, support in zip(*columns, strict=True)
    ]


def length_bins(words: np.ndarray) -> np.ndarray:
    """Return the (N,) quartile 0..3 of length that each text falls into, shortest first.

    Texts of equal length share a bin, so that bins differ in size and one may stay empty.

    Args:
        words: (N,) lengths in words; their quartiles are the edges.
    """
    which: np.ndarray = np.searchsorted(np.quantile(words, [0.25, 0.5, 0.75]), words, side="left")
    return which


def per_length_bin(words: np.ndarray, correct: np.ndarray) -> list[LengthBin]:
    """Return the accuracy per bin of :func:`length_bins` that holds a text, shortest first.

    Args:
        words: (N,) lengths in words.
        correct: (..., N) whether an item's class is right; leading axes (seeds) are averaged over.
    """
    which = length_bins(words)
    bins = []
    for number in np.unique(which):
        inside = which == number
        lengths = words[inside]
        accuracy = float(correct[..., inside].mean())
        bins.append(LengthBin(int(lengths.min()), int(lengths.max()), len(lengths), accuracy))
    return bins


def distances(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[float]:
    """Return the share of answers that are 0, 1, …, C - 1 classes off.

    Args:
        labels: (N,) true classes.
        predicted: (..., N); leading axes (seeds) are averaged over.
        classes: C.
    """
    apart = np.abs(predicted - labels).ravel()
    shares: list[float] = (np.bincount(apart, minlength=classes) / apart.size).tolist()
    return shares


def majority_share(labels: np.ndarray) -> float:
    """Return the accuracy of always answering the most frequent class."""
    return float(np.bincount(labels).max() / len(labels))


def has_collapsed(labels: np.ndarray, predicted: np.ndarray) -> bool:
    """Tell whether a model does not beat the most frequent class by more than 2 points of accuracy.

    Such a run learned nothing. Meant for dev, so that no run is judged by its test score.
    """
    accuracy = float(np.mean(predicted == labels))
    # The small slack keeps a score of exactly two points above on this side of rounding.
    return accuracy <= majority_share(labels) + _COLLAPSE_MARGIN + 1e-12
