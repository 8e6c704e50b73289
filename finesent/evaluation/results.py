"""The shape of report/comparison.json: everything the comparison says, as numbers.

Metrics are fractions (mean absolute error: classes). A *gain* is ablation minus the other ablation, with
the sign turned where lower is better, so that a positive gain is always an improvement.
"""

from __future__ import annotations

from typing import Literal

from finesent.catalog.published import Published
from finesent.evaluation.spreads import Spread
from finesent.validation import Block

MetricName = Literal["accuracy", "macro_f1", "mae", "quadratic_kappa"]

# By name: title, and whether higher is better.
METRICS: dict[MetricName, tuple[str, bool]] = {
    "accuracy": ("accuracy", True),
    "macro_f1": ("macro-F1", True),
    "mae": ("MAE", False),
    "quadratic_kappa": ("quadratic κ", True),
}


class Gain(Block):
    """One estimated gain, each ablation the mean over its seeds.

    Attributes:
        value: the estimate.
        low: lower end of the interval.
        high: upper end of the interval.
        standard_error: over other seeds and other items; over items alone with one seed.
        degrees_of_freedom: of the t distribution behind ``low``, ``high`` and ``p``.
        p: two-sided, against a gain of 0, for this gain alone.
        p_holm: the same, corrected for all gains of its family.
        p_sign_flip: of the permutation test over seeds; null with one seed.
        minimum_detectable: the true gain that this study would find four times out of five.
        seeds_sd: standard deviation of the gain over seeds that training causes beyond the items' share;
            null with one seed.
        percentiles: plain percentile interval of the hierarchical bootstrap.
    """

    value: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    p: float
    p_holm: float
    p_sign_flip: float | None
    minimum_detectable: float
    seeds_sd: float | None
    percentiles: tuple[float, float]


class Pair(Block):
    """Two ablations, and the gain of ``better`` over ``than`` in each metric on test."""

    better: str
    than: str
    gains: dict[MetricName, Gain]


class Verdict(Block):
    """What this study says of one claim.

    Attributes:
        better: the ablation that is claimed to be better.
        than: the ablation it is compared with.
        metric: in which metric.
        smallest_effect: a gain smaller than this does not matter.
        published_gain: as printed; null where none was.
        source: who claims it.
        verdict: in one word or three.
        sentence: the verdict with its numbers, for a reader who sees nothing else.
        gain: the estimate; ``p_holm`` is over all claims.
        seeds_to_resolve: how many seeds would resolve it if the gain is as estimated; null where it is
            resolved, or where no number of seeds would with this test set.
    """

    better: str
    than: str
    metric: MetricName
    smallest_effect: float
    published_gain: float | None
    source: str
    verdict: Literal["supported", "contradicted", "equivalent", "not resolved"]
    sentence: str
    gain: Gain
    seeds_to_resolve: int | None


class Cost(Block):
    """What one ablation cost on the machine that ran it; null where train did not record it.

    Attributes:
        seconds_per_seed: training and dev scoring.
        seconds: of all seeds together.
        sentences_per_second: of training, mean over epochs and seeds.
        parameters: of encoder and head.
        trained_parameters: at most, in the last epoch.
        peak_memory: of the training process or of its GPU, in bytes.
    """

    seconds_per_seed: float
    seconds: float
    sentences_per_second: float
    parameters: int | None
    trained_parameters: int | None
    peak_memory: int | None


class AblationResult(Block):
    """One row of the comparison.

    Attributes:
        dev: by metric, those of METRICS and ``within_1`` and ``ece``.
        test: likewise.
        collapsed_seeds: seeds that did not beat the majority class on dev; they stay in the means.
        without_near_duplicates: test metrics without the items that nearly repeat a training row; null
            where there is no such item, or none were looked for.
        without_recurring: test metrics without the items of :class:`RecurringPhrases`; null where there
            is none.
        gains: over the baseline ablation, by metric; null for the baseline itself.
    """

    dev: dict[str, Spread]
    test: dict[str, Spread]
    collapsed_seeds: list[int]
    without_near_duplicates: dict[str, Spread] | None
    without_recurring: dict[str, Spread] | None
    gains: dict[MetricName, Gain] | None
    cost: Cost


class CeilingRow(Block):
    """How far people agree with the label, on test items.

    Attributes:
        name: who answers, e.g. ``one held-out rater``.
        n: items.
        scores: by metric (those of METRICS and ``within_1``): estimate and interval over items.
        note: how it was computed, in one sentence.
    """

    name: str
    n: int
    scores: dict[str, tuple[float, float, float]]
    note: str


class TransferSet(Block):
    """One further test set.

    Attributes:
        dataset: its name in the catalog.
        title: its title in the catalog.
        shared_with_train: rows taken out because train holds their text.
        n: rows scored, by number of classes (neutral rows are left out of two classes).
        majority: share of the most frequent class, by number of classes.
        scores: by ablation, number of classes and metric.
    """

    dataset: str
    title: str
    shared_with_train: int
    n: dict[int, int]
    majority: dict[int, float]
    scores: dict[str, dict[int, dict[str, Spread]]]


class RecurringPhrases(Block):
    """Test items that share a long phrase with the trees of training sentences.

    Attributes:
        min_words: how long such a phrase is at least.
        n: test items that share one.
    """

    min_words: int
    n: int


class Comparison(Block):
    """All ablations of a study side by side.

    Attributes:
        title: of the data set.
        labels: class names, lowest first.
        backbone: its name, or "recurrent encoders" where no ablation has one.
        train_size: rows drawn for training; null where every row was taken.
        seeds: every ablation was trained with each of them.
        resampled: what the bootstrap drew, ``seeds and items`` or ``items``.
        ablations: in the order of params.yaml.
        pairs: the declared family, baseline pairs included.
        near_duplicates_in_test: test items that nearly repeat a training row; null where not looked for.
        recurring: null where the data have no phrases, or none were asked for.
        published: what was reported elsewhere.
    """

    dataset: str
    title: str
    labels: list[str]
    backbone: str
    train_size: int | None
    seeds: list[int]
    dev_n: int
    test_n: int
    baseline: str
    confidence: float
    resamples: int
    resampled: str
    ablations: dict[str, AblationResult]
    pairs: list[Pair]
    claims: list[Verdict]
    ceiling: list[CeilingRow]
    transfer: dict[str, TransferSet]
    near_duplicates_in_test: int | None
    recurring: RecurringPhrases | None
    published: Published
