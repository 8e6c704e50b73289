"""How large a gain is and how sure: from resampled metrics to an estimate with an interval.

Seeds and items both vary, and every seed meets every item. In such a crossed design the plain percentile
interval of a hierarchical bootstrap is off in both directions: with S seeds it finds (S - 1)/S of the
variance between seeds and draws tails as if it were known, and it counts what is particular to one seed on
one item three times (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)). So the
bootstrap is asked for the parts of the variance, which are then put together as in a two-way analysis of
variance with random effects:

    items        variance over resamples of the mean over seeds       b/N + e/(SN)
    seeds        variance of the observed values over seeds, over S   a/S + e/(SN)
    interaction  variance over resamples of what a seed's value
                 does beyond that mean, over S (S - 1)                e/(SN)

with a, b, e the variances of seeds, items and of one seed on one item. The estimate's variance is items +
seeds - interaction, its degrees of freedom follow from Satterthwaite (1946, Biometrics Bulletin 2(6)), and
the interval is the estimate plus and minus so many standard errors of Student's t. docs/comparing.md shows
how often such intervals cover the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from finesent.evaluation.resampling import Resamples
from finesent.evaluation.results import METRICS, Gain, MetricName
from finesent.params.compare import Compare

# All sign patterns of so many seeds are tried; of more, a sample.
_EXACT_SEEDS = 13
_SIGN_FLIPS = 9999


@dataclass(frozen=True)
class Variance:
    """The parts of the variance of a mean over S seeds and N items.

    Attributes:
        items: b/N + e/(SN).
        seeds: a/S + e/(SN); 0 with one seed, where it cannot be known.
        interaction: e/(SN); 0 with one seed, where ``items`` holds it.
        count: S.
        n: N.
    """

    items: float
    seeds: float
    interaction: float
    count: int
    n: int

    @property
    def total(self) -> float:
        """The variance of the mean; never less than either part alone."""
        return max(self.items + self.seeds - self.interaction, self.items, self.seeds)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's, of the sum of the three parts; N - 1 with one seed."""
        if self.count == 1 or self.total == 0:
            return float(max(1, self.n - 1))
        seeds, items = self.count - 1, max(1, self.n - 1)
        below = self.seeds**2 / seeds + self.items**2 / items + self.interaction**2 / (seeds * items)
        # Fewer than one seed's worth of freedom can come out only by rounding.
        return max(1.0, self.total**2 / below)

    def with_seeds(self, count: int) -> Variance:
        """What the parts would be with ``count`` seeds instead."""
        shrink = self.count / count
        interaction = self.interaction * shrink
        return Variance(
            items=max(0.0, self.items - self.interaction) + interaction,
            seeds=self.seeds * shrink,
            interaction=interaction,
            count=count,
            n=self.n,
        )


@dataclass(frozen=True)
class Estimate:
    """A gain before it is compared with others: its value and how sure it is."""

    value: float
    variance: Variance
    by_seed: np.ndarray
    percentiles: tuple[float, float]

    @property
    def standard_error(self) -> float:
        """Of the value, over other seeds and items."""
        return sqrt(self.variance.total)

    def half_width(self, confidence: float) -> float:
        """Half the width of the two-sided interval."""
        quantile = stats.t.ppf((1 + confidence) / 2, self.variance.degrees_of_freedom)
        return float(quantile) * self.standard_error

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the gain is at most ``bound``."""
        if self.standard_error == 0:
            return 0.0 if self.value > bound else 1.0
        position = (self.value - bound) / self.standard_error
        return float(stats.t.sf(position, self.variance.degrees_of_freedom))

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the gain is at least ``bound``."""
        if self.standard_error == 0:
            return 0.0 if self.value < bound else 1.0
        position = (self.value - bound) / self.standard_error
        return float(stats.t.cdf(position, self.variance.degrees_of_freedom))

    @property
    def p(self) -> float:
        """Two-sided p-value of no gain; below 1 - confidence exactly where the interval leaves 0 out."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0)))

    def p_equivalent(self, smallest_effect: float) -> float:
        """p-value of two one-sided tests (Schuirmann 1987) that the gain is not within ± smallest_effect."""
        return max(self.p_above(-smallest_effect), self.p_below(smallest_effect))

    def minimum_detectable(self, confidence: float, power: float) -> float:
        """The true gain that is found with probability ``power`` (Bloom 1995, Evaluation Review 19(5))."""
        freedom = self.variance.degrees_of_freedom
        multiplier = stats.t.ppf((1 + confidence) / 2, freedom) + stats.t.ppf(power, freedom)
        return float(multiplier) * self.standard_error


def estimate(resamples: Resamples, metric: MetricName, better: str, than: str, confidence: float) -> Estimate:
    """Estimate the gain of ``better`` over ``than``; positive is an improvement, also in MAE."""
    sign = 1.0 if METRICS[metric][1] else -1.0
    observed, resampled = resamples.observed[metric], resamples.resampled[metric]
    by_seed = sign * (observed[better] - observed[than])
    drawn = sign * (resampled[better] - resampled[than])
    hierarchical = (drawn * resamples.seed_counts).sum(axis=1) / len(by_seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(hierarchical, [tail, 1 - tail])
    return Estimate(
        value=float(by_seed.mean()),
        variance=variance_parts(by_seed, drawn, resamples.items),
        by_seed=by_seed,
        percentiles=(float(low), float(high)),
    )


def variance_parts(by_seed: np.ndarray, drawn: np.ndarray, items: int) -> Variance:
    """Split the variance of a mean over seeds.

    Args:
        by_seed: (S,) observed values.
        drawn: (B, S) their values on B resamples of items, each resample shared by all seeds.
        items: N.
    """
    seeds = len(by_seed)
    mean = drawn.mean(axis=1)
    if seeds == 1:
        return Variance(float(mean.var(ddof=1)), 0.0, 0.0, 1, items)
    beyond = drawn - mean[:, None]
    return Variance(
        items=float(mean.var(ddof=1)),
        seeds=float(by_seed.var(ddof=1)) / seeds,
        interaction=float(beyond.var(axis=0, ddof=1).mean()) / (seeds - 1),
        count=seeds,
        n=items,
    )


def sign_flip(by_seed: np.ndarray, seed: int) -> float | None:
    """Two-sided p-value of the permutation test that flips the sign of each seed's gain; None with one seed.

    With S seeds it cannot be below 2/2^S: at least six are needed to reach .05.
    """
    if len(by_seed) < 2:
        return None
    result = stats.permutation_test(
        (by_seed,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if len(by_seed) <= _EXACT_SEEDS else _SIGN_FLIPS,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def report_gain(found: Estimate, p_holm: float, rules: Compare) -> Gain:
    """Put an estimate and its p-values into the form that is written, rounded to six decimals."""
    half = found.half_width(rules.confidence)
    parts = found.variance
    beyond_items = max(0.0, parts.seeds - parts.interaction) * parts.count
    p_sign_flip = sign_flip(found.by_seed, rules.seed)
    return Gain(
        value=_rounded(found.value),
        low=_rounded(found.value - half),
        high=_rounded(found.value + half),
        standard_error=_rounded(found.standard_error),
        degrees_of_freedom=round(parts.degrees_of_freedom, 2),
        p=_rounded(found.p),
        p_holm=_rounded(p_holm),
        p_sign_flip=None if p_sign_flip is None else _rounded(p_sign_flip),
        minimum_detectable=_rounded(found.minimum_detectable(rules.confidence, rules.power)),
        seeds_sd=_rounded(sqrt(beyond_items)) if parts.count > 1 else None,
        percentiles=(_rounded(found.percentiles[0]), _rounded(found.percentiles[1])),
    )


def _rounded(value: float) -> float:
    return round(value, 6) + 0.0
