"""The shape of report/comparison.json and of metrics/comparison.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finesent.catalog.published import Published
from finesent.errors import FinesentError
from finesent.evaluation.bootstrap import Interval
from finesent.files import read_json
from finesent.validation import Block, parse

REPORT = Path("report/comparison.json")
METRICS = Path("metrics/comparison.json")

Metrics = dict[str, dict[str, float]]


class Spread(Block):
    """Mean and sample standard deviation over seeds; ``sd`` is null with one seed."""

    mean: float
    sd: float | None


class Seconds(Block):
    """Training time of one ablation on the machine that ran it: the mean of a seed, and all seeds."""

    per_seed: float
    total: float


class AblationResult(Block):
    """One row of the comparison; metrics are fractions.

    Attributes:
        collapsed_seeds: seeds that did not beat the majority class on dev; they stay in the means.
        gain_test_accuracy: ablation minus baseline; null for the baseline itself, like the next.
        gain_test_macro_f1: ablation minus baseline.
    """

    dev_accuracy: Spread
    dev_macro_f1: Spread
    test_accuracy: Spread
    test_macro_f1: Spread
    collapsed_seeds: list[int]
    gain_test_accuracy: Interval | None
    gain_test_macro_f1: Interval | None
    training_seconds: Seconds


class Comparison(Block):
    """All ablations of a study side by side.

    Attributes:
        train_size: rows drawn for training; null where every row was taken.
        seeds: every ablation was trained with each of them.
        resampled: what the bootstrap drew, ``seeds and items`` or ``items``.
        ablations: in the order of params.yaml.
        published: what was reported elsewhere.
    """

    dataset: str
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
    published: Published


def metrics_of(comparison: Comparison) -> Metrics:
    """Return the content of metrics/comparison.json: means alone, none that depends on the clock."""
    names = ("test_accuracy", "test_macro_f1", "dev_accuracy", "dev_macro_f1")
    metrics: Metrics = {}
    for ablation, result in comparison.ablations.items():
        metrics[ablation] = {name: getattr(result, name).mean for name in names}
        if result.gain_test_accuracy is not None:
            metrics[ablation]["gain_test_accuracy"] = result.gain_test_accuracy.value
    return metrics


def read_report(report: Path = REPORT, metrics: Path = METRICS) -> Comparison:
    """Read the last comparison, and make sure that the metrics file in git belongs to it.

    Raises:
        FinesentError: one of the two is missing or malformed, or they are from different runs.
    """
    comparison = _parse_report(read_json(report), str(report))
    if check_metrics(read_json(metrics), str(metrics)) != metrics_of(comparison):
        raise FinesentError(
            str(metrics),
            f"is not from the same run as {report}",
            "run `dvc checkout` to fetch the report that belongs to it, or `dvc repro` to make both",
        )
    return comparison


def check_metrics(content: Any, place: str) -> Metrics:
    """Return ``content`` if it maps ablations to metrics to numbers.

    Raises:
        FinesentError: it does not.
    """
    sound = isinstance(content, dict) and all(
        isinstance(block, dict) and all(type(value) in (int, float) for value in block.values())
        for block in content.values()
    )
    if not sound:
        raise FinesentError(
            place, "does not map ablations to metrics to numbers", "delete it and run `dvc repro`"
        )
    return dict(content)


def _parse_report(content: Any, place: str) -> Comparison:
    try:
        return parse(Comparison, content, place)
    except FinesentError as error:
        # The file is made, not written by hand, so there is nothing in it to correct.
        raise FinesentError(place, error.problem, "run `dvc repro` to make it anew") from error
