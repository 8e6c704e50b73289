"""What the probabilities are worth: calibration, ROC and precision-recall curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from finesent.evaluation.markdown import NOTHING
from finesent.report.charts.lines import Frame, Series, line_chart
from finesent.report.charts.marks import Mark, marks_of
from finesent.report.content import AblationDetails, Content, Curve
from finesent.report.formatting import count, decimal, percent, spread
from finesent.report.tables import Column, Table, row_group, table
from finesent.report.views.curves import LegendEntry, legend

_SMALL = (280.0, 270.0)


@dataclass(frozen=True)
class ProbabilitiesView:
    """Charts with their headings; areas by ablation and class."""

    legend: list[LegendEntry]
    calibration: list[tuple[str, Markup]]
    calibration_error: Table
    calibration_numbers: Table | None
    roc: list[tuple[str, Markup]]
    precision_recall: list[tuple[str, Markup]]
    areas: Table | None


def view(content: Content) -> ProbabilitiesView:
    """Build one reliability diagram an ablation, and two charts a class with all ablations."""
    comparison = content.comparison
    marks = marks_of(list(comparison.ablations), comparison.baseline)
    details = {name: content.details[name] for name in comparison.ablations if name in content.details}
    labels = comparison.labels
    return ProbabilitiesView(
        legend=legend(marks),
        calibration=[
            (name, _reliability(number, name, found, marks[name]))
            for number, (name, found) in enumerate(details.items(), start=1)
            if found.calibration
        ],
        calibration_error=table(
            "Expected calibration error on test",
            [Column("ablation", words=True), Column("error", "points")],
            [[name, spread("ece", result.test.get("ece"))] for name, result in comparison.ablations.items()],
        ),
        calibration_numbers=_bins(details),
        roc=_by_class("roc", {name: found.roc for name, found in details.items()}, labels, marks),
        precision_recall=_by_class(
            "pr", {name: found.precision_recall for name, found in details.items()}, labels, marks
        ),
        areas=_areas(details, labels),
    )


def area(curve: Curve) -> float:
    """Return the area under a ROC curve by the trapezoidal rule; 0 for fewer than two points."""
    return abs(float(np.trapezoid(curve.y, curve.x)))


def average_precision(curve: Curve) -> float:
    """Return the sum over points of precision times the recall gained there.

    A step sum, because a straight line between two points of a precision-recall curve promises too much
    (Davis and Goadrich 2006, ICML). Points may run up or down in recall.
    """
    points = list(zip(curve.x, curve.y, strict=True))
    if len(points) > 1 and points[0][0] > points[-1][0]:
        points.reverse()
    gained = np.diff([0.0, *(recall for recall, _ in points)])
    return float(sum(step * precision for step, (_, precision) in zip(gained, points, strict=True)))


def _reliability(number: int, name: str, found: AblationDetails, mark: Mark) -> Markup:
    bins = found.calibration
    curve = Curve([entry["confidence"] for entry in bins], [entry["accuracy"] for entry in bins])
    above = sum(entry["accuracy"] < entry["confidence"] for entry in bins)
    return line_chart(
        f"reliability-{number}",
        f"Reliability of {name}",
        f"In {above} of {len(bins)} bins accuracy is below confidence. The numbers are in the table below.",
        Frame("confidence", "accuracy", _SMALL, unit_square=True, diagonal=True),
        [Series(name, mark, curve)],
    )


def _by_class(
    kind: str, curves: dict[str, dict[str, Curve]], labels: list[str], marks: dict[str, Mark]
) -> list[tuple[str, Markup]]:
    roc = kind == "roc"
    title = "ROC" if roc else "Precision and recall"
    axes = ("false positive rate", "true positive rate") if roc else ("recall", "precision")
    measure, called = (area, "area") if roc else (average_precision, "average precision")
    charts = []
    for number, label in enumerate(labels, start=1):
        series = [
            Series(name, marks[name], by_class[label])
            for name, by_class in curves.items()
            if label in by_class
        ]
        if not series:
            continue
        described = "; ".join(f"{one.label}: {called} {decimal(measure(one.curve), 3)}" for one in series)
        frame = Frame(*axes, _SMALL, unit_square=True, diagonal=roc)
        charts.append(
            (label, line_chart(f"{kind}-{number}", f"{title} of {label}", f"{described}.", frame, series))
        )
    return charts


def _bins(details: dict[str, AblationDetails]) -> Table | None:
    groups = [
        row_group(
            [
                [percent(entry["confidence"]), percent(entry["accuracy"]), count(round(entry["n"]))]
                for entry in found.calibration
            ],
            name,
        )
        for name, found in details.items()
        if found.calibration
    ]
    columns = [Column("mean confidence", words=True), Column("accuracy"), Column("items")]
    return Table("Calibration by bin of confidence", columns, groups) if groups else None


def _areas(details: dict[str, AblationDetails], labels: list[str]) -> Table | None:
    if not any(found.roc or found.precision_recall for found in details.values()):
        return None
    groups = ("area under ROC", "average precision")
    columns = [
        Column("ablation", words=True),
        *(Column(label, group=group) for group in groups for label in labels),
    ]
    lines = [
        [
            name,
            *(_measured(area, found.roc, label) for label in labels),
            *(_measured(average_precision, found.precision_recall, label) for label in labels),
        ]
        for name, found in details.items()
    ]
    return table("Area under ROC and average precision, one class against the rest", columns, lines)


def _measured(measure: object, curves: dict[str, Curve], label: str) -> str:
    return decimal(measure(curves[label]), 3) if callable(measure) and label in curves else NOTHING
