"""What is known of the data: sizes, labels, lengths, and what train shares with dev and test.

Every key of metrics/data.json may be missing, and then nothing is said of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finesent.evaluation.results import Comparison
from finesent.evaluation.spreads import Spread
from finesent.report.content import Content, NearDuplicate
from finesent.report.formatting import count, counted, decimal, percent, spread
from finesent.report.tables import Cell, Column, Table, heat, row_group, table

_REPEATS = {
    "exact_duplicates": "exact duplicates",
    "near_duplicates": "near duplicates",
    "label_conflicts": "same text, other label",
}
_WORDS = ("min", "median", "mean", "p95", "max")


@dataclass(frozen=True)
class DataView:
    """Tables and remarks; None where nothing is known."""

    remarks: list[str]
    splits: Table | None
    repeats: Table | None
    without: Table | None
    examples: list[NearDuplicate]


def view(content: Content) -> DataView:
    """Build what metrics/data.json has numbers for."""
    return DataView(
        remarks=_remarks(content),
        splits=_splits(content.data),
        repeats=_repeats(content.data),
        without=_without(content.comparison),
        examples=content.near_duplicates,
    )


def _splits(data: dict[str, Any]) -> Table | None:
    rows, labels, words = (data.get(key, {}) for key in ("rows", "labels", "words"))
    splits = list(dict.fromkeys([*rows, *labels, *words]))
    if not splits:
        return None
    classes = list(dict.fromkeys(label for shares in labels.values() for label in shares))
    columns = [
        Column("split", words=True),
        Column("rows"),
        *(Column(label, group="share of each class") for label in classes),
        *(Column(key, group="words in a text") for key in _WORDS if words),
    ]
    lines = []
    for split in splits:
        shares, lengths = labels.get(split, {}), words.get(split, {})
        lines.append(
            [
                split,
                count(rows.get(split)),
                *(Cell(percent(shares.get(label)), heat(shares.get(label, 0))) for label in classes),
                *(_length(lengths.get(key)) for key in _WORDS if words),
            ]
        )
    return table("Rows, classes and lengths of each split", columns, lines)


def _length(value: float | None) -> str:
    return decimal(value, 0 if value is None or float(value).is_integer() else 1)


def _repeats(data: dict[str, Any]) -> Table | None:
    known = {key: title for key, title in _REPEATS.items() if key in data}
    if not known:
        return None
    columns = [Column("where", words=True), *(Column(title) for title in known.values())]
    groups = []
    for part, title in (("within", "within a split"), ("across", "across two splits")):
        places = list(dict.fromkeys(place for key in known for place in data[key].get(part, {})))
        if places:
            groups.append(
                row_group(
                    (
                        [place, *(count(data[key].get(part, {}).get(place)) for key in known)]
                        for place in places
                    ),
                    title,
                )
            )
    return Table("Texts that repeat another", columns, groups) if groups else None


def _without(comparison: Comparison) -> Table | None:
    ablations = comparison.ablations
    scored: dict[str, dict[str, dict[str, Spread] | None]] = {
        "all test items": {name: result.test for name, result in ablations.items()},
        "without near duplicates of train": {
            name: result.without_near_duplicates for name, result in ablations.items()
        },
        "without long phrases of train": {
            name: result.without_recurring for name, result in ablations.items()
        },
    }
    shown = {title: by_name for title, by_name in scored.items() if any(by_name.values())}
    if len(shown) == 1:
        return None
    columns = [
        Column("ablation", words=True),
        *(Column(title, "points", group=group) for group in shown for title in ("accuracy", "macro-F1")),
    ]
    lines = [
        [
            name,
            *(
                spread(metric, (by_name[name] or {}).get(metric))
                for by_name in shown.values()
                for metric in ("accuracy", "macro_f1")
            ),
        ]
        for name in ablations
    ]
    return table("Test scores with and without items that share much with train", columns, lines)


def _remarks(content: Content) -> list[str]:
    data, near = content.data, content.comparison.near_duplicates_in_test
    remarks = []
    if near is None:
        remarks.append("Near duplicates between train and test were not looked for.")
    elif near == 0:
        remarks.append("No test item nearly repeats a training row.")
    else:
        remarks.append(
            f"{counted(near, 'test item', 'test items')} of {count(content.comparison.test_n)} nearly "
            f"{'repeats' if near == 1 else 'repeat'} a training row."
        )
    if (found := content.comparison.recurring) is not None:
        items = counted(found.n, "test item shares", "test items share") if found.n else "No test item shares"
        remarks.append(f"{items} a phrase of {found.min_words} words or more with train's trees.")
    if "train_dropped_as_near_duplicates" in data:
        dropped = counted(data["train_dropped_as_near_duplicates"], "training row was", "training rows were")
        remarks.append(f"{dropped} dropped as near duplicates.")
    by_label = [split for split, flag in data.get("sorted_by_label", {}).items() if flag]
    if by_label:
        remarks.append(
            f"Rows come sorted by label in {', '.join(by_label)}: a sample from the top would miss classes."
        )
    for name, number in data.get("transfer_shared_with_train", {}).items():
        remarks.append(f"{name} shares {counted(number, 'text', 'texts')} with train.")
    return remarks
