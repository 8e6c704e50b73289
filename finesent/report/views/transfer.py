"""The same models on other test sets."""

from __future__ import annotations

from dataclasses import dataclass

from finesent.evaluation.results import Comparison, TransferSet
from finesent.report.content import Content
from finesent.report.formatting import count, counted, percent, spread, title_of, unit_of
from finesent.report.tables import Column, Table, table

_METRICS = ("accuracy", "macro_f1", "mae", "quadratic_kappa")


@dataclass(frozen=True)
class TransferTable:
    """One further test set."""

    title: str
    remark: str
    table: Table


def view(content: Content) -> list[TransferTable]:
    """Build one table a test set and number of classes."""
    comparison = content.comparison
    return [
        _set(found, classes, comparison)
        for found in comparison.transfer.values()
        for classes in sorted(found.n)
    ]


def _set(found: TransferSet, classes: int, comparison: Comparison) -> TransferTable:
    scores = {
        name: found.scores[name][classes]
        for name in comparison.ablations
        if classes in found.scores.get(name, {})
    }
    metrics = [metric for metric in _METRICS if any(metric in one for one in scores.values())]
    columns = [
        Column("ablation", words=True),
        *(Column(title_of(metric), unit_of(metric)) for metric in metrics),
    ]
    lines = [[name, *(spread(metric, one.get(metric)) for metric in metrics)] for name, one in scores.items()]
    return TransferTable(
        f"{found.title}, {classes} classes",
        _remark(found, classes),
        table(f"Transfer to {found.dataset}, {classes} classes", columns, lines),
    )


def _remark(found: TransferSet, classes: int) -> str:
    shared = found.shared_with_train
    removed = (
        "no text of it is in train"
        if shared == 0
        else f"{counted(shared, 'row was', 'rows were')} taken out because train holds the same text"
    )
    majority = percent(found.majority[classes], 2) if classes in found.majority else "unknown"
    neutral = "; neutral rows are left out" if classes == 2 else ""
    return f"{count(found.n[classes])} rows{neutral}; the most frequent class makes up {majority}; {removed}."
