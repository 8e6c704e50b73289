"""The test items for the error explorer: as compact data for its script, and the hardest as plain rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finesent.report.content import Content, Item
from finesent.report.formatting import count, percent
from finesent.report.tables import Column, Table, table

# Shown to readers without a script.
_HARDEST = 50
_DECIMALS = 3


@dataclass(frozen=True)
class ExplorerView:
    """What the section shows.

    Attributes:
        data: for the script; explorer_data.js reads it.
        columns: title by the key that the script sorts by.
        hardest: the items that most runs have wrong.
        left_out: test items that are not on the page.
        ablations: their names.
        labels: class names.
    """

    data: dict[str, Any]
    columns: dict[str, str]
    hardest: Table
    left_out: int
    ablations: list[str]
    labels: list[str]


def view(content: Content) -> ExplorerView:
    """Pack the items and pick the hardest."""
    comparison = content.comparison
    names = list(comparison.ablations)
    runs = len(names) * len(comparison.seeds)
    return ExplorerView(
        data={
            "labels": comparison.labels,
            "ablations": names,
            "seeds": len(comparison.seeds),
            "baseline": comparison.baseline,
            "items": [_packed(item, names) for item in content.items],
        },
        columns={
            "text": "text",
            "label": "true class",
            "words": "words",
            "predicted": "predicted",
            "confidence": "confidence",
            "distance": "off by",
            "right": "seeds right",
            "runs": "runs right",
        },
        hardest=_hardest(content.items, comparison.labels, runs),
        left_out=content.items_left_out,
        ablations=names,
        labels=comparison.labels,
    )


def _packed(item: Item, names: list[str]) -> list[Any]:
    """Return id, text, true class, words, and three numbers an ablation: class, confidence, seeds right.

    An ablation without an answer gets -1 as its class.
    """
    answers: list[float] = []
    for name in names:
        found = item.answers.get(name)
        answers += [found.predicted, round(found.confidence, _DECIMALS), found.right] if found else [-1, 0, 0]
    return [item.id, item.text, item.label, item.words, answers]


def _right(item: Item) -> int:
    return sum(answer.right for answer in item.answers.values())


def _doubt(item: Item) -> float:
    """Highest confidence of an ablation that has the item wrong."""
    wrong = [answer.confidence for answer in item.answers.values() if answer.predicted != item.label]
    return max(wrong, default=0.0)


def _hardest(items: list[Item], labels: list[str], runs: int) -> Table:
    order = sorted(items, key=lambda item: (_right(item), -_doubt(item), item.id))
    columns = [
        Column("text", words=True),
        Column("true class", words=True),
        Column("words"),
        Column("runs right", f"of {count(runs)}"),
        Column("highest confidence in another class"),
    ]
    lines = [
        [item.text, labels[item.label], count(item.words), count(_right(item)), percent(_doubt(item), 0)]
        for item in order[:_HARDEST]
    ]
    return table("The hardest test items", columns, lines)
