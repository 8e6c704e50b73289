"""report/comparison.json and metrics/comparison.json: writing them, and reading them back together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finesent.errors import FinesentError
from finesent.evaluation.results import METRICS, Comparison
from finesent.files import read_json
from finesent.validation import parse

REPORT = Path("report/comparison.json")
METRICS_FILE = Path("metrics/comparison.json")

# By ablation and name; what `dvc metrics diff` shows between commits.
Metrics = dict[str, dict[str, float]]


def metrics_of(comparison: Comparison) -> Metrics:
    """Return the content of metrics/comparison.json: means alone, none that depends on the clock."""
    metrics: Metrics = {}
    for ablation, result in comparison.ablations.items():
        metrics[ablation] = {f"test_{name}": result.test[name].mean for name in METRICS}
        metrics[ablation] |= {f"dev_{name}": result.dev[name].mean for name in ("accuracy", "macro_f1")}
        if result.gains is not None:
            metrics[ablation]["gain_test_accuracy"] = result.gains["accuracy"].value
    return metrics


def read_report(report: Path = REPORT, metrics: Path = METRICS_FILE) -> Comparison:
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
