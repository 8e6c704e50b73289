"""Training curves of all ablations, one chart a quantity."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from markupsafe import Markup

from finesent.evaluation.markdown import NOTHING
from finesent.report.charts.lines import Frame, Series, line_chart
from finesent.report.charts.marks import Mark, marks_of, swatch
from finesent.report.content import Content, Curve
from finesent.report.formatting import decimal
from finesent.report.tables import Column, RowGroup, Table, row_group


@dataclass(frozen=True)
class Quantity:
    """A column of the history: its title, its unit, what it is multiplied by, and decimals in the table."""

    column: str
    title: str
    unit: str
    factor: float = 1.0
    decimals: int = 3


QUANTITIES = (
    Quantity("dev_accuracy", "dev accuracy", "points", 100, 2),
    Quantity("dev_macro_f1", "dev macro-F1", "points", 100, 2),
    Quantity("dev_loss", "dev loss", "nats"),
    Quantity("train_accuracy", "training accuracy", "points", 100, 2),
    Quantity("train_loss", "training loss", "objective"),
    Quantity("gradient_norm", "gradient norm", "before clipping"),
)

History = list[dict[str, float]]


@dataclass(frozen=True)
class LegendEntry:
    """An ablation beside a piece of its line."""

    name: str
    swatch: Markup


@dataclass(frozen=True)
class CurvesView:
    """Charts with their headings, the legend they share, and the numbers behind them."""

    charts: list[tuple[str, Markup]]
    legend: list[LegendEntry]
    numbers: Table | None


def view(content: Content) -> CurvesView:
    """Build a chart a quantity that any ablation's history holds."""
    comparison = content.comparison
    marks = marks_of(list(comparison.ablations), comparison.baseline)
    histories = {
        name: content.details[name].history
        for name in comparison.ablations
        if name in content.details and content.details[name].history
    }
    recorded = [
        one for one in QUANTITIES if any(one.column in row for rows in histories.values() for row in rows)
    ]
    return CurvesView(
        charts=[(one.title, _chart(one, histories, marks)) for one in recorded],
        legend=legend(marks),
        numbers=_numbers(recorded, histories) if recorded else None,
    )


def legend(marks: dict[str, Mark]) -> list[LegendEntry]:
    """Return the legend of all ablations."""
    return [LegendEntry(name, swatch(mark)) for name, mark in marks.items()]


def _chart(quantity: Quantity, histories: dict[str, History], marks: dict[str, Mark]) -> Markup:
    series = [
        Series(name, marks[name], mean_curve(rows, quantity), _by_seed(rows, quantity))
        for name, rows in histories.items()
    ]
    ends = [
        f"{one.label} ends at {decimal(one.curve.y[-1], quantity.decimals)}" for one in series if one.curve.y
    ]
    return line_chart(
        f"curve-{quantity.column}",
        f"{quantity.title} by epoch",
        f"Mean over seeds: {'; '.join(ends)}. All numbers are in the table below the charts.",
        Frame("epoch", quantity.unit),
        series,
    )


def mean_curve(rows: History, quantity: Quantity) -> Curve:
    """Return the mean over the seeds that reached each epoch, in the unit that is shown."""
    values: dict[float, list[float]] = defaultdict(list)
    for row in rows:
        if quantity.column in row:
            values[row["epoch"]].append(row[quantity.column] * quantity.factor)
    epochs = sorted(values)
    return Curve([float(epoch) for epoch in epochs], [math.fsum(values[e]) / len(values[e]) for e in epochs])


def _by_seed(rows: History, quantity: Quantity) -> list[Curve]:
    seeds = sorted({row["seed"] for row in rows})
    if len(seeds) < 2:
        return []
    return [mean_curve([row for row in rows if row["seed"] == seed], quantity) for seed in seeds]


def _numbers(recorded: list[Quantity], histories: dict[str, History]) -> Table:
    columns = [
        Column("epoch", words=True),
        *(Column(quantity.title, quantity.unit) for quantity in recorded),
        Column("kept by", "seeds"),
    ]
    return Table(
        "Training by epoch, mean over seeds",
        columns,
        [_epochs(name, rows, recorded) for name, rows in histories.items()],
    )


def _epochs(name: str, rows: History, recorded: list[Quantity]) -> RowGroup:
    curves = [mean_curve(rows, quantity) for quantity in recorded]
    lines = []
    for epoch in sorted({row["epoch"] for row in rows}):
        cells = [
            decimal(curve.y[curve.x.index(epoch)], quantity.decimals) if epoch in curve.x else NOTHING
            for quantity, curve in zip(recorded, curves, strict=True)
        ]
        keepers = [f"{row['seed']:g}" for row in rows if row["epoch"] == epoch and row.get("selected")]
        lines.append([f"{epoch:g}", *cells, ", ".join(keepers) or NOTHING])
    return row_group(lines, name)
