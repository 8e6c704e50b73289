"""The numbers that describe a study's data as found, before any row is dropped or drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from finesent.data.overlaps import compared
from finesent.data.rows import Rows
from finesent.data.tables import class_counts

# A tenth of the changes that shuffled labels would have is far outside what shuffling gives.
_FEW_CHANGES = 0.1
_REPEATING_ROW = ["first_split", "second_split", "second_id"]


def describe(
    splits: dict[str, Rows], labels: dict[str, list[str]], pairs: pd.DataFrame, near: bool
) -> dict[str, Any]:
    """Return rows, duplicates, label conflicts, label shares, lengths and order of every split.

    Args:
        splits: the rows as found, by name.
        labels: the class names of each split, lowest first.
        pairs: the rows that stand more than once (:meth:`finesent.data.overlaps.Overlaps.pairs`).
        near: whether near duplicates were looked for; where not, there is no count of them.

    Returns:
        Nested mappings of numbers. Duplicates are counted in rows that repeat an earlier one: rows of
        the second split, where they lie across two. A row with an exact copy is no near duplicate. A
        conflict is an exact copy with another label; it is counted where both splits have the same classes.
    """
    exact = pairs[pairs["kind"] == "exact"]
    # The exact copies of a row stand before the others.
    nearly = pairs.drop_duplicates(_REPEATING_ROW)
    nearly = nearly[nearly["kind"] == "near"]
    conflicts = exact[exact["first_label"] != exact["second_label"]]
    looked_for = compared(splits)
    comparable = [(first, second) for first, second in looked_for if labels[first] == labels[second]]
    return {
        "rows": {name: len(rows) for name, rows in splits.items()},
        "exact_duplicates": _counts(exact, looked_for),
        "near_duplicates": _counts(nearly, looked_for if near else []),
        "label_conflicts": _counts(conflicts, comparable),
        "labels": {name: _shares(rows.labels, labels[name]) for name, rows in splits.items()},
        "words": {name: _lengths(rows.words) for name, rows in splits.items()},
        "sorted_by_label": {name: int(is_sorted_by_label(rows.labels)) for name, rows in splits.items()},
    }


def is_sorted_by_label(labels: np.ndarray) -> bool:
    """Tell whether rows with these (N,) labels stand sorted by label, or nearly so.

    They do if the label changes from one row to the next at less than a tenth of the places where it
    would in a random order. There the expected number of changes is N - Σ n_c² / N, since two rows drawn
    without replacement differ with the probability 1 - Σ n_c (n_c - 1) / (N (N - 1)). Few rows, or rows
    of one class, are never called sorted.
    """
    if len(labels) == 0:
        return False
    changes = int((labels[1:] != labels[:-1]).sum())
    expected = len(labels) - float((np.bincount(labels).astype(np.float64) ** 2).sum()) / len(labels)
    return changes < _FEW_CHANGES * expected


def _counts(pairs: pd.DataFrame, looked_for: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found = pairs.drop_duplicates(_REPEATING_ROW).groupby(["first_split", "second_split"]).size()
    within = {first: int(found.get((first, first), 0)) for first, second in looked_for if first == second}
    across = {
        f"{first}-{second}": int(found.get((first, second), 0))
        for first, second in looked_for
        if first != second
    }
    return {"within": within, "across": across}


def _shares(labels: np.ndarray, names: list[str]) -> dict[str, float]:
    counts = class_counts(labels, len(names))
    return {name: round(count / max(1, len(labels)), 6) for name, count in zip(names, counts, strict=True)}


def _lengths(words: np.ndarray) -> dict[str, float]:
    return {
        "min": int(words.min()),
        "median": round(float(np.median(words)), 6),
        "mean": round(float(words.mean()), 6),
        "p95": round(float(np.quantile(words, 0.95)), 6),
        "max": int(words.max()),
    }
