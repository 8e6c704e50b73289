"""Building the comparison of all ablations of a study from what evaluate and train wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finesent.catalog.published import Published
from finesent.errors import FinesentError
from finesent.evaluation.bootstrap import Difference, Interval, paired_bootstrap
from finesent.evaluation.history import training_seconds
from finesent.evaluation.predictions import Predictions, check_paired, read_predictions
from finesent.evaluation.report import AblationResult, Comparison, Seconds, Spread
from finesent.evaluation.summary import rounded, summarise
from finesent.params.study import Study

PREDICTIONS = Path("predictions")
PLOTS = Path("plots")


def compare(study: Study, published: Published) -> Comparison:
    """Compare the ablations that params.yaml names, in its order; any other file is left unread.

    Raises:
        FinesentError: an ablation's files are missing, broken or of other params, or ablations were not
            scored on the same items with the same seeds.
    """
    baseline = _predictions(study.compare.baseline, study)
    results: dict[str, AblationResult] = {}
    for name in study.ablations:
        ours = baseline if name == baseline.ablation else _predictions(name, study)
        results[name] = _result(ours, baseline, _seconds(name, study), study)
    return Comparison(
        dataset=study.dataset,
        backbone=study.backbone,
        train_size=study.sample.train_size,
        seeds=list(study.seeds),
        dev_n=len(baseline.splits["dev"].ids),
        test_n=len(baseline.splits["test"].ids),
        baseline=study.compare.baseline,
        confidence=study.compare.confidence,
        resamples=study.compare.resamples,
        resampled="seeds and items" if len(study.seeds) > 1 else "items",
        ablations=results,
        published=published,
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
    return predictions


def _seconds(name: str, study: Study) -> Seconds:
    path = PLOTS / name / "history.csv"
    by_seed = training_seconds(path, name)
    if sorted(by_seed) != sorted(study.seeds):
        raise FinesentError(
            str(path),
            f"has the seeds {sorted(by_seed)}, and params.yaml says {study.seeds}",
            f"run `dvc repro evaluate@{name}`",
        )
    total = sum(by_seed.values())
    return Seconds(per_seed=round(total / len(by_seed), 3), total=round(total, 3))


def _result(ours: Predictions, baseline: Predictions, seconds: Seconds, study: Study) -> AblationResult:
    summary = summarise(ours)
    accuracy, macro_f1 = _gains(ours, baseline, study)
    return AblationResult(
        dev_accuracy=_spread(summary, "dev", "accuracy"),
        dev_macro_f1=_spread(summary, "dev", "macro_f1"),
        test_accuracy=_spread(summary, "test", "accuracy"),
        test_macro_f1=_spread(summary, "test", "macro_f1"),
        collapsed_seeds=summary["collapsed_seeds"],
        gain_test_accuracy=accuracy,
        gain_test_macro_f1=macro_f1,
        training_seconds=seconds,
    )


def _gains(ours: Predictions, baseline: Predictions, study: Study) -> tuple[Interval | None, Interval | None]:
    if ours is baseline:
        return None, None
    for split in ours.splits:
        check_paired(ours, baseline, split)
    labels = baseline.splits["test"].labels
    difference: Difference = paired_bootstrap(
        labels,
        ours.splits["test"].predicted,
        baseline.splits["test"].predicted,
        len(baseline.labels),
        study.compare,
    )
    return _rounded(difference.accuracy), _rounded(difference.macro_f1)


def _spread(summary: dict[str, Any], split: str, metric: str) -> Spread:
    values = summary["splits"][split]
    return Spread(mean=values["mean"][metric], sd=values["sd"][metric])


def _rounded(interval: Interval) -> Interval:
    return Interval(value=rounded(interval.value), low=rounded(interval.low), high=rounded(interval.high))
