"""Which rows stand more than once, within a split and across splits, as they were found.

Across splits every pair of rows is reported, for any of them may be the one that is drawn for training.
Within a split a copy is reported beside the first of its kind alone, so that a text that stands a thousand
times makes a thousand pairs and not half a million.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from finesent.data.duplicates import duplicate_key, near_pairs
from finesent.data.tables import SPLITS, write_arrow

_SIDES = {"id": pa.string(), "label": pa.int64(), "text": pa.string()}
_TYPES = {
    "kind": pa.string(),
    **{
        f"{side}_{column}": kind
        for side in ("first", "second")
        for column, kind in {"split": pa.string(), **_SIDES}.items()
    },
    "similarity": pa.float64(),
}


@dataclass(frozen=True)
class Overlaps:
    """What the splits of a study share.

    Attributes:
        splits: the rows of each split as found, in the order train, dev, test, further test sets.
        keys: by split, (N,) int64 numbers of its rows' duplicate keys.
        first_rows: by split, (K,) int64; the first row that has each of the K keys, or -1.
        near: (2 P, 2) int64 pairs of similar keys, each both ways round.
        similarity: (2 P,) float64 of those pairs.
    """

    splits: dict[str, pd.DataFrame]
    keys: dict[str, np.ndarray]
    first_rows: dict[str, np.ndarray]
    near: np.ndarray
    similarity: np.ndarray

    def held_by(self, split: str, others: Iterable[str]) -> np.ndarray:
        """Return (N,) bool: for each row of ``split``, whether one of ``others`` has its text, or nearly."""
        held = np.zeros(len(self.first_rows[split]), dtype=bool)
        for other in others:
            held |= self.first_rows[other] >= 0
        nearly = self.near[held[self.near[:, 0]], 1]
        held[nearly] = True
        found: np.ndarray = held[self.keys[split]]
        return found

    def pairs(self, first: str, second: str) -> pd.DataFrame:
        """Return the rows of ``second`` beside those of ``first`` that they repeat (in one split, earlier).

        Returns:
            A frame with the columns ``kind`` (exact or near), ``first_split, first_id, first_label,
            first_text``, the same for ``second``, and ``similarity`` (1 for exact). It is in the order of
            ``second``, and for each of its rows the most similar comes first.
        """
        exact = self._exact(first, second).assign(kind="exact", similarity=1.0)
        rows = pd.concat([exact, self._near(first, second).assign(kind="near")], ignore_index=True)
        order = np.lexsort((rows["first"], -rows["similarity"], rows["kind"], rows["second"]))
        rows = rows.iloc[order].reset_index(drop=True)
        sides = {
            f"{side}_{column}": self.splits[split][column].to_numpy()[rows[side]]
            for side, split in (("first", first), ("second", second))
            for column in _SIDES
        }
        return rows.assign(first_split=first, second_split=second, **sides)[list(_TYPES)]

    def _exact(self, first: str, second: str) -> pd.DataFrame:
        """Return the row numbers ``first`` and ``second`` of pairs that share a key."""
        if first != second:
            return _rows(self.keys[first], "first").merge(_rows(self.keys[second], "second"), on="key")
        original = self.first_rows[first][self.keys[first]]
        copies = np.flatnonzero(original < np.arange(len(original)))
        return pd.DataFrame({"first": original[copies], "second": copies})

    def _near(self, first: str, second: str) -> pd.DataFrame:
        """Return the row numbers ``first`` and ``second``, and ``similarity``, of pairs with similar keys."""
        edges = pd.DataFrame(
            {"key": self.near[:, 0], "similar": self.near[:, 1], "similarity": self.similarity}
        )
        if first != second:
            ours = edges.merge(_rows(self.keys[first], "first"), on="key")
            theirs = _rows(self.keys[second], "second").rename(columns={"key": "similar"})
            return ours.merge(theirs, on="similar")
        rows = edges.assign(
            first=self.first_rows[first][self.near[:, 0]], second=self.first_rows[first][self.near[:, 1]]
        )
        return rows[(rows["first"] >= 0) & (rows["first"] < rows["second"])]


def find_overlaps(splits: dict[str, pd.DataFrame], similarity: float | None) -> Overlaps:
    """Compare all rows of all splits.

    Args:
        splits: frames with ``id``, ``text`` and ``label``, in the order train, dev, test, further test sets.
        similarity: from which near duplicates count; None finds exact ones only.
    """
    numbers: dict[str, int] = {}
    keys = {
        name: np.array(
            [numbers.setdefault(duplicate_key(text), len(numbers)) for text in rows["text"]], dtype=np.int64
        )
        for name, rows in splits.items()
    }
    pairs, similarities = np.empty((0, 2), dtype=np.int64), np.empty(0)
    if similarity is not None:
        pairs, similarities = near_pairs(list(numbers), similarity)
    return Overlaps(
        splits=splits,
        keys=keys,
        first_rows={name: _first_rows(found, len(numbers)) for name, found in keys.items()},
        near=np.concatenate([pairs, pairs[:, ::-1]]),
        similarity=np.concatenate([similarities, similarities]),
    )


def _rows(keys: np.ndarray, name: str) -> pd.DataFrame:
    return pd.DataFrame({"key": keys, name: np.arange(len(keys))})


def compared(splits: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of splits that share must be reported of.

    Each with itself, the three of the study with one another, and every further test set with train, which
    is all that could leak into it.
    """
    names = list(splits)
    across = [("train", "dev"), ("train", "test"), ("dev", "test")]
    return (
        [(name, name) for name in names] + across + [("train", name) for name in names if name not in SPLITS]
    )


def write_pairs(path: Path, pairs: pd.DataFrame) -> None:
    """Write pairs of rows as Parquet, with the same types whether there are any or none."""
    write_arrow(
        path, pa.table({name: pa.array(pairs[name].tolist(), type=kind) for name, kind in _TYPES.items()})
    )


def _first_rows(keys: np.ndarray, count: int) -> np.ndarray:
    first = np.full(count, -1, dtype=np.int64)
    found, rows = np.unique(keys, return_index=True)
    first[found] = rows
    return first
