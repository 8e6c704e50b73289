"""This comparison against earlier ones: rows are ablations, columns are revisions.

Where an earlier revision's predictions are still at hand and on the same items with the same seeds, each
change gets the interval and the p-value of a gain; elsewhere it is plainly a difference of two means.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from finesent.errors import FinesentError
from finesent.evaluation.comparison_files import metrics_of
from finesent.evaluation.gains import Estimate, estimate, report_gain
from finesent.evaluation.markdown import NOTHING, bullets, interval, number, p_value, signed, table
from finesent.evaluation.multiple import holm
from finesent.evaluation.predictions import Predictions, check_paired
from finesent.evaluation.resampling import resample
from finesent.evaluation.results import METRICS, Comparison, Gain, MetricName
from finesent.evaluation.revisions import Revision
from finesent.params.compare import Compare
from finesent.validation import Block

# An ablation's predictions at a commit, or why there are none.
Reader = Callable[[str, str], Predictions | str]


class Change(Block):
    """One metric of one ablation, now and at an earlier revision, on test.

    Attributes:
        then: null where the revision has no such ablation, or predates the metric.
        change: now minus then, in the unit of the metric; null where ``then`` is.
        same: the predictions are equal to the last bit: there is nothing to test, and nothing to correct for.
        gain: the same with its interval, positive where it is better now; ``p_holm`` is over the
            revision's ablations. Null where it cannot be tested.
    """

    ablation: str
    revision: str
    metric: MetricName
    now: float
    then: float | None
    change: float | None
    same: bool
    gain: Gain | None


@dataclass(frozen=True)
class _Earlier:
    """A revision's ablations by what can be said of them: nothing changed, testable, or why not."""

    same: set[str]
    other: dict[str, Predictions]
    why_not: dict[str, str]


class Against(Block):
    """All changes, and what could not be tested and why."""

    dataset: str
    confidence: float
    changes: list[Change]
    remarks: list[str]


def changes_since(
    comparison: Comparison,
    now: dict[str, Predictions],
    revisions: list[Revision],
    rules: Compare,
    reader: Reader,
) -> Against:
    """Set a comparison beside earlier revisions.

    Args:
        comparison: of the work tree.
        now: its predictions, by ablation.
        revisions: in the order of the columns.
        rules: of the intervals.
        reader: finds the predictions of a revision.
    """
    changes: list[Change] = []
    remarks: list[str] = []
    for revision in revisions:
        found = _pair_up(now, revision, reader)
        gains = _gains(now, found.other, rules)
        current = metrics_of(comparison)
        for ablation in comparison.ablations:
            for metric in METRICS:
                then = revision.metrics.get(ablation, {}).get(f"test_{metric}")
                value = current[ablation][f"test_{metric}"]
                changes.append(
                    Change(
                        ablation=ablation,
                        revision=revision.name,
                        metric=metric,
                        now=value,
                        then=then,
                        change=None if then is None else round(value - then, 6) + 0.0,
                        same=ablation in found.same,
                        gain=gains.get(ablation, {}).get(metric),
                    )
                )
        remarks += [
            *(
                f"{name}: not tested against {revision.name}: {reason}."
                for name, reason in found.why_not.items()
            ),
            *(f"{name}: new since {revision.name}." for name in now if name not in revision.metrics),
            *(f"{name}: gone since {revision.name}." for name in revision.metrics if name not in now),
        ]
    return Against(dataset=comparison.dataset, confidence=rules.confidence, changes=changes, remarks=remarks)


def to_markdown(against: Against) -> str:
    """A row an ablation; for each revision accuracy and macro-F1 then, and how they changed."""
    rows: dict[str, dict[str, str]] = {}
    for change in against.changes:
        if change.metric not in ("accuracy", "macro_f1"):
            continue
        title = METRICS[change.metric][0]
        row = rows.setdefault(change.ablation, {"ablation": change.ablation})
        row[f"{title} now"] = number(change.metric, change.now)
        row[f"{title} at {change.revision}"] = (
            NOTHING if change.then is None else number(change.metric, change.then)
        )
        row[f"Δ {title} since {change.revision}"] = _cell(change)
    heading = f"# {against.dataset}: changes since {', '.join(_revisions(against))}"
    legend = (
        f"Test metrics, means over seeds, in percent points. Where both sets of predictions are at hand, "
        f"[{100 * against.confidence:g} % interval] and p, corrected by Holm's method over what changed."
    )
    return (
        "\n\n".join(
            [heading, table(list(rows.values()), left=("ablation",)), bullets([legend, *against.remarks])]
        )
        + "\n"
    )


def to_csv(against: Against) -> str:
    """A line for each ablation, revision and metric."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["ablation", "revision", "metric", "now", "then", "change", "gain", "low", "high", "p_holm"]
    )
    for change in against.changes:
        gain = change.gain
        test = ["", "", "", ""] if gain is None else [gain.value, gain.low, gain.high, gain.p_holm]
        then = ["", ""] if change.then is None else [change.then, change.change]
        writer.writerow([change.ablation, change.revision, change.metric, change.now, *then, *test])
    return file.getvalue()


def to_json(against: Against) -> str:
    """Everything, indented."""
    return against.model_dump_json(indent=2) + "\n"


FORMATS: dict[str, Callable[[Against], str]] = {"markdown": to_markdown, "csv": to_csv, "json": to_json}


def _pair_up(now: dict[str, Predictions], revision: Revision, reader: Reader) -> _Earlier:
    same: set[str] = set()
    other: dict[str, Predictions] = {}
    why_not: dict[str, str] = {}
    for name, ours in now.items():
        if name not in revision.metrics:
            continue
        then = reader(revision.commit, name)
        reason = then if isinstance(then, str) else _unpaired(ours, then)
        if isinstance(then, str) or reason is not None:
            why_not[name] = str(reason)
        elif np.array_equal(ours.splits["test"].logits, then.splits["test"].logits):
            same.add(name)
        else:
            other[name] = then
    return _Earlier(same, other, why_not)


def _gains(
    now: dict[str, Predictions], then: dict[str, Predictions], rules: Compare
) -> dict[str, dict[MetricName, Gain]]:
    """Gains by ablation and metric, corrected over the ablations that changed."""
    estimates = {name: _estimates(now[name], earlier, rules) for name, earlier in then.items()}
    gains: dict[str, dict[MetricName, Gain]] = {name: {} for name in estimates}
    for metric in METRICS:
        corrected = holm([found[metric].p for found in estimates.values()])
        for (name, found), p in zip(estimates.items(), corrected, strict=True):
            gains[name][metric] = report_gain(found[metric], p, rules)
    return gains


def _estimates(now: Predictions, then: Predictions, rules: Compare) -> dict[MetricName, Estimate]:
    test = now.splits["test"]
    predicted = {"now": test.predicted, "then": then.splits["test"].predicted}
    resamples = resample(test.labels, predicted, len(now.labels), rules)
    return {metric: estimate(resamples, metric, "now", "then", rules.confidence) for metric in METRICS}


def _unpaired(now: Predictions, then: Predictions) -> str | None:
    try:
        check_paired(now, then, "test")
    except FinesentError as error:
        return error.problem
    return None


def _cell(change: Change) -> str:
    if change.change is None:
        return NOTHING
    if change.same:
        return "unchanged"
    if change.gain is None:
        return signed(change.metric, change.change)
    return f"{interval(change.metric, change.gain)}, p {p_value(change.gain.p_holm)}"


def _revisions(against: Against) -> list[str]:
    return list(dict.fromkeys(change.revision for change in against.changes))
