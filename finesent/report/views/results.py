"""The table: every ablation's scores, how people do, what was published, and the gains over the baseline."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from finesent.catalog.published import Published, PublishedRow
from finesent.evaluation.markdown import NOTHING
from finesent.evaluation.remarks import remarks
from finesent.evaluation.results import METRICS, AblationResult, CeilingRow, Comparison, MetricName
from finesent.evaluation.spreads import Spread
from finesent.evaluation.table import footnotes
from finesent.report.charts.intervals import IntervalRow, interval_chart
from finesent.report.charts.marks import marks_of
from finesent.report.content import Content
from finesent.report.formatting import (
    amount,
    count,
    gain,
    p_value,
    percent,
    scaled,
    spread,
    title_of,
    unit_of,
)
from finesent.report.tables import Cell, Column, RowGroup, Table, row_group, table

_DEV = ("accuracy", "macro_f1")
_TEST = ("accuracy", "macro_f1", "mae", "quadratic_kappa")
_TESTED: tuple[MetricName, ...] = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class Figure:
    """A chart with its heading."""

    heading: str
    chart: Markup


@dataclass(frozen=True)
class Footnote:
    """A published row beside an ablation, and its number."""

    number: int
    row: PublishedRow


@dataclass(frozen=True)
class ResultsView:
    """The second section."""

    scores: Table
    gains: Table | None
    forests: list[Figure]
    remarks: list[str]
    footnotes: list[Footnote]
    published: Published
    others: Table | None


def view(content: Content) -> ResultsView:
    """Build the tables of scores, gains and published results."""
    comparison = content.comparison
    beside = footnotes(comparison)
    notes = [Footnote(number, row) for number, row in enumerate(beside, start=1)]
    others = [row for row in comparison.published.rows if row.ablation is None]
    compared = [name for name, result in comparison.ablations.items() if result.gains]
    return ResultsView(
        scores=_scores(comparison, notes),
        gains=_gains(comparison, compared) if compared else None,
        forests=[_forest(comparison, metric, compared) for metric in _TESTED] if compared else [],
        remarks=remarks(comparison, beside),
        footnotes=notes,
        published=comparison.published,
        others=_others(others, comparison.published) if others else None,
    )


def _scores(comparison: Comparison, notes: list[Footnote]) -> Table:
    columns = [
        Column("ablation", words=True),
        Column("seeds"),
        *(Column(title_of(metric), unit_of(metric), group="dev") for metric in _DEV),
        *(Column(title_of(metric), unit_of(metric), group="test") for metric in _TEST),
        Column("accuracy", "points", group="published"),
    ]
    groups = [
        row_group(
            _score_row(name, result, comparison, notes) for name, result in comparison.ablations.items()
        )
    ]
    if comparison.ceiling:
        groups.append(_ceiling(comparison.ceiling, len(columns)))
    spread_text = "mean ± standard deviation over seeds" if len(comparison.seeds) > 1 else "one seed"
    return Table(f"Scores, {spread_text}", columns, groups)


def _score_row(
    name: str, result: AblationResult, comparison: Comparison, notes: list[Footnote]
) -> list[str | Cell]:
    seeds, collapsed = len(comparison.seeds), len(result.collapsed_seeds)
    return [
        name,
        f"{seeds}, {collapsed} collapsed" if collapsed else str(seeds),
        *(spread(metric, result.dev.get(metric)) for metric in _DEV),
        *(spread(metric, result.test.get(metric)) for metric in _TEST),
        Cell(_published(name, notes)),
    ]


def _published(name: str, notes: list[Footnote]) -> str:
    link = Markup('{} <a class="note" href="#note-{}" aria-label="footnote {}">{}</a>')
    cells = [
        link.format(amount("accuracy", note.row.accuracy), note.number, note.number, note.number)
        for note in notes
        if note.row.ablation == name
    ]
    return Markup(", ").join(cells) if cells else NOTHING


def _ceiling(rows: list[CeilingRow], width: int) -> RowGroup:
    """People's rows: an estimate with its interval over items, and nothing on dev or elsewhere."""
    lines = []
    for row in rows:
        scores = [
            _estimate(metric, row.scores[metric]) if metric in row.scores else NOTHING for metric in _TEST
        ]
        lines.append([row.name, *[NOTHING] * (width - 2 - len(scores)), *scores, NOTHING])
    return row_group(lines, "how far people agree with the label, with the interval over items")


def _estimate(metric: str, found: tuple[float, float, float]) -> Markup:
    value, low, high = (amount(metric, number) for number in found)
    return Markup('{} <span class="unit">[{}, {}]</span>').format(value, low, high)


def _gains(comparison: Comparison, compared: list[str]) -> Table:
    interval = percent(comparison.confidence, 0)
    columns = [Column("ablation", words=True)]
    for metric in _TESTED:
        title = METRICS[metric][0]
        columns += [
            Column(f"gain [{interval}]", "points", group=title),
            Column("Holm p", group=title),
            Column("detectable", "points", group=title),
        ]
    rows = []
    for name in compared:
        row = [name]
        for metric in _TESTED:
            found = (comparison.ablations[name].gains or {}).get(metric)
            row += [
                gain(metric, found),
                p_value(found.p_holm if found else None),
                amount(metric, found.minimum_detectable if found else None),
            ]
        rows.append(row)
    return table(f"Gain over {comparison.baseline} on test", columns, rows)


def _forest(comparison: Comparison, metric: MetricName, compared: list[str]) -> Figure:
    marks = marks_of(list(comparison.ablations), comparison.baseline)
    rows = [
        IntervalRow(
            label=name,
            text=gain(metric, found),
            value=scaled(metric, found.value),
            low=scaled(metric, found.low),
            high=scaled(metric, found.high),
            mark=marks[name],
        )
        for name in compared
        if (found := (comparison.ablations[name].gains or {}).get(metric))
    ]
    title = f"Gain in test {METRICS[metric][0]} over {comparison.baseline}"
    axis = f"worse ←  {unit_of(metric)}  → better"
    return Figure(title, interval_chart(f"forest-{metric}", title, axis, rows))


def _others(rows: list[PublishedRow], published: Published) -> Table:
    columns = [
        Column("system", words=True),
        Column("study", words=True),
        Column("data", words=True),
        Column("test items"),
        Column("runs"),
        Column("accuracy", "points"),
        Column("what to know", words=True),
    ]
    return table(
        "Other published systems",
        columns,
        [
            [
                row.system,
                _study(row, published),
                row.dataset,
                count(row.n),
                row.runs or NOTHING,
                spread("accuracy", Spread(mean=row.accuracy, sd=row.accuracy_sd)),
                row.caveat,
            ]
            for row in rows
        ],
    )


def _study(row: PublishedRow, published: Published) -> Markup:
    study = published.studies[row.study]
    year = f" ({study.year})" if study.year else ""
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(study.url, f"{study.authors}{year}")
