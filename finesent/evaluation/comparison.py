"""Building the comparison of all ablations of a study from what evaluate, train and clean wrote."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from finesent.catalog.published import Published
from finesent.catalog.schema import Dataset
from finesent.errors import FinesentError
from finesent.evaluation.ceiling import ceiling
from finesent.evaluation.gains import Estimate, estimate, report_gain
from finesent.evaluation.history import cost, read_history
from finesent.evaluation.integer_check import with_integer_caveats
from finesent.evaluation.multiple import holm
from finesent.evaluation.predictions import Predictions, check_paired, read_predictions
from finesent.evaluation.resampling import Resamples, resample
from finesent.evaluation.results import (
    METRICS,
    AblationResult,
    Comparison,
    Gain,
    MetricName,
    Pair,
    RecurringPhrases,
    Verdict,
)
from finesent.evaluation.shared_with_train import scores_without, test_ids_near_train, test_ids_with_phrase
from finesent.evaluation.spreads import Spread
from finesent.evaluation.summary import summarise
from finesent.evaluation.transfer_results import transfer_sets
from finesent.evaluation.verdicts import judge
from finesent.params.study import Study

PREDICTIONS = Path("predictions")
PLOTS = Path("plots")


@dataclass(frozen=True)
class Inputs:
    """What a comparison is computed from.

    Attributes:
        predictions: by ablation, in the order of params.yaml.
        histories: by ablation, the rows of its training history.
        panel: data/clean/panel.parquet.
        duplicates: data/clean/duplicates.parquet; None where near duplicates were not looked for.
        recurring: data/clean/recurring.parquet.
        train_ids: rows that were trained on.
    """

    predictions: dict[str, Predictions]
    histories: dict[str, pd.DataFrame]
    panel: pa.Table
    duplicates: pa.Table | None
    recurring: pa.Table
    train_ids: set[str]


def read_ablations(study: Study) -> tuple[dict[str, Predictions], dict[str, pd.DataFrame]]:
    """Read predictions and histories of the ablations that params.yaml names; other files are left unread.

    Raises:
        FinesentError: an ablation's files are missing, broken or of other params, or ablations were not
            scored on the same items with the same seeds.
    """
    predictions = {name: _predictions(name, study) for name in study.ablations}
    baseline = predictions[study.compare.baseline]
    for ours in predictions.values():
        if ours is not baseline:
            check_paired(ours, baseline)
    histories = {
        name: read_history(PLOTS / name / "history.csv", name, list(study.seeds)) for name in study.ablations
    }
    return predictions, histories


def compare(study: Study, inputs: Inputs, entry: Dataset, published: Published) -> Comparison:
    """Compare the ablations of a study.

    Args:
        study: the params.
        inputs: what the stages before wrote.
        entry: the data set's entry in the catalog.
        published: what was reported elsewhere.
    """
    predictions = inputs.predictions
    baseline = predictions[study.compare.baseline]
    test = baseline.splits["test"]
    resamples = resample(
        test.labels,
        {name: ours.splits["test"].predicted for name, ours in predictions.items()},
        len(baseline.labels),
        study.compare,
    )
    pairs = _pairs(study, resamples)
    near = _near(inputs)
    holding = _holding_a_phrase(study, inputs)
    labels = dict(zip(test.ids, (int(label) for label in test.labels), strict=True))
    return Comparison(
        dataset=study.dataset,
        title=entry.title,
        labels=baseline.labels,
        backbone=study.encoder,
        train_size=study.sample.train_size,
        seeds=baseline.seeds,
        dev_n=len(baseline.splits["dev"].ids),
        test_n=len(test.ids),
        baseline=study.compare.baseline,
        confidence=study.compare.confidence,
        resamples=study.compare.resamples,
        resampled="seeds and items" if len(study.seeds) > 1 else "items",
        ablations={
            name: _result(ours, inputs, near, holding, _gains_over_baseline(name, pairs, study))
            for name, ours in predictions.items()
        },
        pairs=pairs,
        claims=_verdicts(study, resamples),
        ceiling=ceiling(inputs.panel, labels, len(baseline.labels), study.compare),
        transfer=transfer_sets(predictions),
        near_duplicates_in_test=None if near is None else len(near),
        recurring=_recurring(study, holding),
        published=with_integer_caveats(published),
    )


def left_over(study: Study) -> list[str]:
    """Return the names in predictions/ that params.yaml does not know (any more)."""
    return sorted(path.stem for path in PREDICTIONS.glob("*.parquet") if path.stem not in study.ablations)


def _predictions(name: str, study: Study) -> Predictions:
    path = PREDICTIONS / f"{name}.parquet"
    predictions = read_predictions(path)
    remedy = f"run `dvc repro evaluate@{name}`"
    if predictions.ablation != name:
        raise FinesentError(str(path), f"holds the ablation {predictions.ablation!r}", remedy)
    if predictions.dataset != study.dataset:
        raise FinesentError(
            str(path), f"is on {predictions.dataset}, and params.yaml says {study.dataset}", remedy
        )
    if predictions.seeds != sorted(study.seeds):
        raise FinesentError(
            str(path), f"has the seeds {predictions.seeds}, and params.yaml says {study.seeds}", remedy
        )
    if list(predictions.transfer) != list(study.transfer):
        raise FinesentError(
            str(path),
            f"has the transfer sets {list(predictions.transfer)}, and params.yaml has {list(study.transfer)}",
            remedy,
        )
    return predictions


def _pairs(study: Study, resamples: Resamples) -> list[Pair]:
    """Estimate the declared family; p-values are corrected over its pairs, in each metric."""
    baseline = study.compare.baseline
    against = [(name, baseline) for name in study.ablations if name != baseline]
    others = [name for name in study.ablations if name != baseline]
    between = [(second, first) for first, second in combinations(others, 2)]
    names = against + (between if study.compare.family == "all" else [])
    gains: list[dict[MetricName, Gain]] = [{} for _ in names]
    for metric in METRICS:
        found = [_estimate(resamples, metric, better, than, study) for better, than in names]
        corrected = holm([one.p for one in found])
        for row, one, p in zip(gains, found, corrected, strict=True):
            row[metric] = report_gain(one, p, study.compare)
    return [
        Pair(better=better, than=than, gains=row) for (better, than), row in zip(names, gains, strict=True)
    ]


def _verdicts(study: Study, resamples: Resamples) -> list[Verdict]:
    estimates = [
        _estimate(resamples, claim.metric, claim.better, claim.than, study) for claim in study.claims
    ]
    return judge(study.claims, estimates, study.compare)


def _estimate(resamples: Resamples, metric: MetricName, better: str, than: str, study: Study) -> Estimate:
    return estimate(resamples, metric, better, than, study.compare.confidence)


def _gains_over_baseline(name: str, pairs: list[Pair], study: Study) -> dict[MetricName, Gain] | None:
    return next(
        (pair.gains for pair in pairs if (pair.better, pair.than) == (name, study.compare.baseline)), None
    )


def _near(inputs: Inputs) -> set[str] | None:
    if inputs.duplicates is None:
        return None
    return test_ids_near_train(inputs.duplicates, inputs.train_ids)


def _holding_a_phrase(study: Study, inputs: Inputs) -> set[str] | None:
    asked = study.compare.recurring
    return None if asked is None else test_ids_with_phrase(inputs.recurring, asked.min_words)


def _recurring(study: Study, holding: set[str] | None) -> RecurringPhrases | None:
    asked = study.compare.recurring
    if asked is None or holding is None:
        return None
    return RecurringPhrases(min_words=asked.min_words, n=len(holding))


def _result(
    ours: Predictions,
    inputs: Inputs,
    near: set[str] | None,
    holding: set[str] | None,
    gains: dict[MetricName, Gain] | None,
) -> AblationResult:
    summary = summarise(ours)
    return AblationResult(
        dev=_spreads(summary["splits"]["dev"]),
        test=_spreads(summary["splits"]["test"]),
        collapsed_seeds=summary["collapsed_seeds"],
        without_near_duplicates=scores_without(ours.splits["test"], near) if near else None,
        without_recurring=scores_without(ours.splits["test"], holding) if holding else None,
        gains=gains,
        cost=cost(inputs.histories[ours.ablation]),
    )


def _spreads(split: dict[str, Any]) -> dict[str, Spread]:
    return {metric: Spread(mean=mean, sd=split["sd"][metric]) for metric, mean in split["mean"].items()}
