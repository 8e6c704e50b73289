"""Soft labels of training sentences from the single ratings of a second data set.

The second data set asked other people, on another scale. Cut points that turn its mean ratings into the
study's classes are fitted on the training sentences that both have. A soft label is
``weight · q + (1 - weight) · [gold label]``; q is made in one of two ways. ``normal`` asks into which class
the mean of k other people may fall, where a gold label was made by k judges: q is a normal distribution
around the mean of the n ratings, with the variance (s² + 1/12) · (1/n + 1/k) of a prediction, cut at the cut
points. The 1/12 is the variance of rounding to whole numbers, without which raters who all agree would be
certain.
``ratings`` asks what single people said: q is the share of the ratings between the cut points.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist, fmean, pvariance

import numpy as np
import pandas as pd

from finesent.data.duplicates import duplicate_key
from finesent.errors import FinesentError
from finesent.params.clean import SoftLabels

_ROUNDING = 1 / 12


@dataclass(frozen=True)
class Joined:
    """What a join of ratings to training sentences came to.

    Attributes:
        rows: the training rows with ``soft_label`` (C floats that sum to 1), None where nobody rated.
        sentences: of train with ratings.
        held_back: sentences of dev or test whose ratings were set aside before the join.
        cut_points: C - 1 ascending mean ratings.
        agreement: share of the joined sentences whose mean rating falls into their gold class.
    """

    rows: pd.DataFrame
    sentences: int
    held_back: int
    cut_points: list[float]
    agreement: float

    def counts(self) -> dict[str, object]:
        """Return what metrics/clean.json says of it."""
        return {
            "sentences": self.sentences,
            "held_back": self.held_back,
            "cut_points": [round(point, 6) for point in self.cut_points],
            "agreement": round(self.agreement, 6),
        }


def join_ratings(
    splits: dict[str, pd.DataFrame], rated: pd.DataFrame, rules: SoftLabels, labels: list[str]
) -> Joined:
    """Give training sentences soft labels from the ratings of the same sentences elsewhere.

    Sentences are matched by their duplicate keys; where the second data set has one several times, its
    ratings are put together. What dev or test has as well is taken out of the ratings first.

    Args:
        splits: rows with ``text`` and ``label`` of ``train``, ``dev`` and ``test``; only train's labels are
            looked at.
        rated: the second data set's rows, with ``text`` and ``ratings``.
        rules: weight and spread.
        labels: names of the C classes, lowest first.

    Raises:
        FinesentError: train has soft labels already, or some class has no training sentence with ratings, so
            that no cut point can be fitted.
    """
    train = splits["train"]
    if "soft_label" in train.columns:
        raise FinesentError(
            "params.yaml: raters", "the study's data set has soft labels of its own", "leave raters empty"
        )
    held = {duplicate_key(text) for name in ("dev", "test") for text in splits[name]["text"]}
    given: dict[str, list[int]] = {}
    for text, ratings in zip(rated["text"], rated["ratings"], strict=True):
        given.setdefault(duplicate_key(text), []).extend(ratings)
    usable = {key: ratings for key, ratings in given.items() if key not in held}
    matched = [usable.get(duplicate_key(text)) for text in train["text"]]
    joined = np.array([ratings is not None for ratings in matched])
    gold = train["label"].to_numpy(np.int64)
    means = np.array([fmean(ratings) for ratings in matched if ratings is not None])
    cuts = fit_cut_points(means, gold[joined], labels)
    soft = [
        None if ratings is None else soft_label(ratings, int(label), cuts, rules)
        for ratings, label in zip(matched, gold, strict=True)
    ]
    return Joined(
        rows=train.assign(soft_label=pd.Series(soft, index=train.index, dtype=object)),
        sentences=len(means),
        held_back=len(given) - len(usable),
        cut_points=cuts,
        agreement=float(np.mean(np.searchsorted(cuts, means) == gold[joined])),
    )


def fit_cut_points(means: np.ndarray, gold: np.ndarray, labels: list[str]) -> list[float]:
    """Return the C - 1 ascending cut points that give each class as many sentences as the gold labels do.

    A cut point lies half way between the two means that it parts.

    Args:
        means: (J,) mean ratings.
        gold: (J,) classes of the same sentences.
        labels: names of the C classes.

    Raises:
        FinesentError: a class has no sentence.
    """
    sizes = np.bincount(gold, minlength=len(labels))
    if absent := [name for name, size in zip(labels, sizes, strict=True) if size == 0]:
        raise FinesentError(
            "params.yaml: raters",
            f"no training sentence of the class {', '.join(map(repr, absent))} has ratings",
            "name a data set that rates sentences of every class, or leave raters empty",
        )
    ordered = np.sort(means)
    ends = np.cumsum(sizes)[:-1]
    return [float(point) for point in (ordered[ends - 1] + ordered[ends]) / 2]


def soft_label(ratings: list[int], gold: int, cuts: list[float], rules: SoftLabels) -> list[float]:
    """Return a sentence's soft label: C floats that sum to 1.

    Args:
        ratings: what each person said.
        gold: its class.
        cuts: C - 1 ascending cut points.
        rules: weight and spread.
    """
    if rules.spread == "normal":
        variance = (pvariance(ratings) + _ROUNDING) * (1 / len(ratings) + 1 / rules.judges)
        below = [NormalDist(fmean(ratings), variance**0.5).cdf(point) for point in cuts]
    else:
        below = [sum(rating <= point for rating in ratings) / len(ratings) for point in cuts]
    shares = np.diff([0.0, *below, 1.0])
    mixed = rules.weight * shares
    mixed[gold] += 1 - rules.weight
    return [float(share) for share in mixed]
