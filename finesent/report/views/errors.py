"""Which classes are taken for which, how far off, and for which lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finesent.evaluation.markdown import NOTHING
from finesent.report.content import AblationDetails, Content
from finesent.report.formatting import amount, count, percent
from finesent.report.tables import Cell, Column, Table, heat, table


@dataclass(frozen=True)
class AblationErrors:
    """Confusion matrix and scores per class of one ablation."""

    name: str
    confusion: Table
    classes: Table


@dataclass(frozen=True)
class ErrorsView:
    """Overviews of all ablations, then each alone; None where nothing was computed."""

    f1: Table | None
    distances: Table | None
    lengths: Table | None
    ablations: list[AblationErrors]


def view(content: Content) -> ErrorsView:
    """Build the overviews and the tables of each ablation."""
    details = {
        name: content.details[name] for name in content.comparison.ablations if name in content.details
    }
    labels = content.comparison.labels
    return ErrorsView(
        f1=_f1(details, labels),
        distances=_distances(details, len(labels)),
        lengths=_lengths(details),
        ablations=[
            AblationErrors(name, _confusion(name, found.confusion, labels), _classes(name, found.per_class))
            for name, found in details.items()
        ],
    )


def _f1(details: dict[str, AblationDetails], labels: list[str]) -> Table | None:
    rows = {name: {entry["label"]: entry for entry in found.per_class} for name, found in details.items()}
    if not any(rows.values()):
        return None
    columns = [Column("ablation", words=True), *(Column(label) for label in labels)]
    lines = [
        [name, *(_shaded(scores[label]["f1"]) if label in scores else NOTHING for label in labels)]
        for name, scores in rows.items()
    ]
    return table("F1 of each class, points", columns, lines)


def _distances(details: dict[str, AblationDetails], classes: int) -> Table | None:
    if not any(found.distances for found in details.values()):
        return None
    columns = [
        Column("ablation", words=True),
        Column("right"),
        *(Column("off by one" if step == 1 else f"off by {step}") for step in range(1, classes)),
        Column("far, among errors"),
    ]
    lines: list[list[str | Cell]] = []
    for name, found in details.items():
        wrong = sum(found.distances[1:])
        far = percent(sum(found.distances[2:]) / wrong) if wrong else NOTHING
        lines.append([name, *(Cell(percent(share), heat(share)) for share in found.distances), far])
    return table("How far predictions are from the true class, share of test", columns, lines)


def _lengths(details: dict[str, AblationDetails]) -> Table | None:
    # Every ablation is scored on the same items, so that all have the bins of the first.
    bins = next((found.per_length_bin for found in details.values() if found.per_length_bin), None)
    if bins is None:
        return None
    columns = [
        Column("ablation", words=True),
        *(Column(_words(entry), f"n = {count(entry['n'])}") for entry in bins),
    ]
    lines: list[list[str | Cell]] = [
        [name, *(_shaded(entry["accuracy"]) for entry in found.per_length_bin)]
        for name, found in details.items()
        if len(found.per_length_bin) == len(bins)
    ]
    return table("Accuracy by length of the text, points", columns, lines)


def _words(entry: dict[str, Any]) -> str:
    if entry["shortest"] == entry["longest"]:
        return f"{entry['shortest']} words"
    return f"{entry['shortest']} to {entry['longest']} words"


def _confusion(name: str, counts: list[list[int]], labels: list[str]) -> Table:
    columns = [
        Column("true class", words=True),
        *(Column(label, group="predicted") for label in labels),
    ]
    lines: list[list[str | Cell]] = []
    for label, row in zip(labels, counts, strict=True):
        total = sum(row)
        lines.append(
            [label, *(Cell(count(number), heat(number / total) if total else None) for number in row)]
        )
    return table(f"Confusion of {name}, counts over all seeds, shaded by share of the row", columns, lines)


def _classes(name: str, scores: list[dict[str, Any]]) -> Table:
    columns = [
        Column("class", words=True),
        Column("precision", "points"),
        Column("recall", "points"),
        Column("F1", "points"),
        Column("items"),
    ]
    lines = [
        [
            entry["label"],
            *(amount("accuracy", entry[key]) for key in ("precision", "recall", "f1")),
            count(entry["support"]),
        ]
        for entry in scores
    ]
    return table(f"Precision, recall and F1 of {name}, mean over seeds", columns, lines)


def _shaded(share: float) -> Cell:
    return Cell(amount("accuracy", share), heat(share))
