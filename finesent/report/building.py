"""Gathering what the page shows, from the comparison and the files behind it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from finesent.evaluation.comparison import Inputs
from finesent.evaluation.results import Comparison
from finesent.report.content import Answer, Content, Item, NearDuplicate
from finesent.report.details import details_of
from finesent.report.provenance import provenance

# What a browser sorts and filters without a pause, and what keeps the page under a few megabytes.
_MOST_ITEMS = 4000
_EXAMPLES = 60


def build_content(
    comparison: Comparison,
    inputs: Inputs,
    items: pd.DataFrame,
    duplicates: pa.Table,
    data: dict[str, Any],
    params: Path,
) -> Content:
    """Gather everything on the page.

    Args:
        comparison: the numbers.
        inputs: what they were computed from.
        items: the table of mistakes.items_table.
        duplicates: data/clean/duplicates.parquet.
        data: content of metrics/data.json.
        params: path of params.yaml.
    """
    shown = _items(items)
    return Content(
        comparison=comparison,
        details={
            name: details_of(ours, inputs.histories[name].to_dict("records"))
            for name, ours in inputs.predictions.items()
        },
        items=shown[:_MOST_ITEMS],
        items_left_out=max(0, len(shown) - _MOST_ITEMS),
        data=data,
        near_duplicates=_examples(duplicates),
        provenance=provenance(params, inputs.histories),
    )


def _items(table: pd.DataFrame) -> list[Item]:
    """One item a row, those that the fewest seeds get right first."""
    answers: dict[str, dict[str, Answer]] = {}
    first: dict[str, dict[Hashable, Any]] = {}
    for row in table.to_dict("records"):
        first.setdefault(row["id"], row)
        answers.setdefault(row["id"], {})[row["ablation"]] = Answer(
            predicted=row["predicted"], confidence=round(row["confidence"], 4), right=row["seeds_right"]
        )
    items = [
        Item(id=name, text=row["text"], label=row["label"], words=row["words"], answers=answers[name])
        for name, row in first.items()
    ]
    return sorted(items, key=lambda item: sum(answer.right for answer in item.answers.values()))


def _examples(duplicates: pa.Table) -> list[NearDuplicate]:
    """Pairs across splits first, then the near before the exact: those are the ones to look at."""
    rows = duplicates.to_pylist()
    rows.sort(key=lambda row: (row["first_split"] == row["second_split"], row["kind"] != "near"))
    return [
        NearDuplicate(
            kind=row["kind"],
            first_split=row["first_split"],
            first_text=row["first_text"],
            first_label=str(row["first_label"]),
            second_split=row["second_split"],
            second_text=row["second_text"],
            second_label=str(row["second_label"]),
            similarity=float(row["similarity"]),
        )
        for row in rows[:_EXAMPLES]
    ]
