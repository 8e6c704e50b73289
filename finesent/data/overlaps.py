"""Which rows stand more than once, within a split and across splits, as they were found.

Across splits every pair of rows is reported, for any of them may be the one that is drawn for training.
Within a split a copy is reported beside the first of its kind alone, so that a text that stands a thousand
times makes a thousand pairs and not half a million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from finesent.data.duplicates import duplicate_key, near_pairs
from finesent.data.ranges import by_range, repeated_by_range
from finesent.data.rows import Rows
from finesent.data.tables import SPLITS, write_arrow
from finesent.errors import FinesentError

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


# The set of a text's trigrams takes tens of times the memory of the text.
MOST_FOR_NEAR = 250_000


@dataclass(frozen=True)
class Overlaps:
    """What the splits of a study share.

    Attributes:
        splits: the rows of each split as found, in the order train, dev, test, further test sets.
        keys: by split, (N,) int32 numbers of its rows' duplicate keys, from 0 to K - 1. Where no near
            duplicates are looked for, a row whose key no other row has is -1.
        first_rows: by split, (K,) int32; the first row that has each of the K keys, or -1.
        near: (2 P, 2) int64 pairs of similar keys, each both ways round.
        similarity: (2 P,) float64 of those pairs.
    """

    splits: dict[str, Rows]
    keys: dict[str, np.ndarray]
    first_rows: dict[str, np.ndarray]
    near: np.ndarray
    similarity: np.ndarray

    def held_by(self, split: str, others: Iterable[str]) -> np.ndarray:
        """Return (N,) bool: for each row of ``split``, whether one of ``others`` has its text, or nearly."""
        # The last is for rows without a key, and stays false.
        held = np.zeros(len(self.first_rows[split]) + 1, dtype=bool)
        for other in others:
            held[:-1] |= self.first_rows[other] >= 0
        nearly = self.near[held[self.near[:, 0]], 1]
        held[nearly] = True
        found: np.ndarray = held[self.keys[split]]
        return found

    def pairs(self, *compared: tuple[str, str]) -> pd.DataFrame:
        """Return, for each two splits, the rows of the second beside those of the first that they repeat.

        In one split, of which both are, that is earlier ones.

        Returns:
            A frame with the columns ``kind`` (exact or near), ``first_split, first_id, first_label,
            first_text``, the same for ``second``, and ``similarity`` (1 for exact). The pairs of two splits
            are in the order of the second's rows, and for each of these the most similar comes first.
        """
        found = [self._numbers(first, second) for first, second in compared]
        numbers = pd.concat(found, ignore_index=True)
        sides = [self._side(numbers, side).add_prefix(f"{side}_") for side in ("first", "second")]
        return pd.concat([numbers, *sides], axis="columns")[list(_TYPES)]

    def _numbers(self, first: str, second: str) -> pd.DataFrame:
        """Return ``kind`` and ``similarity`` of pairs, and both rows' numbers and splits."""
        exact = self._exact(first, second).assign(kind="exact", similarity=1.0)
        rows = pd.concat([exact, self._near(first, second).assign(kind="near")], ignore_index=True)
        order = np.lexsort((rows["first"], -rows["similarity"], rows["kind"], rows["second"]))
        return rows.iloc[order].assign(first_split=first, second_split=second)

    def _side(self, numbers: pd.DataFrame, side: str) -> pd.DataFrame:
        """Return one side's rows of pairs; each split's are read in one go, for it may be in many files."""
        parts = []
        for split, rows in self.splits.items():
            chosen = numbers.loc[numbers[f"{side}_split"] == split, side]
            parts.append(rows.take(chosen.to_numpy(np.int64), list(_SIDES)).set_axis(chosen.index))
        return pd.concat(parts).loc[numbers.index]

    def _exact(self, first: str, second: str) -> pd.DataFrame:
        """Return the row numbers ``first`` and ``second`` of pairs that share a key."""
        if first != second:
            shared = (self.first_rows[first] >= 0) & (self.first_rows[second] >= 0)
            ours = _rows(self.keys[first], "first", shared)
            return ours.merge(_rows(self.keys[second], "second", shared), on="key")
        rows = np.flatnonzero(self.keys[first] >= 0)
        original = self.first_rows[first][self.keys[first][rows]]
        again = original < rows
        return pd.DataFrame({"first": original[again], "second": rows[again]})

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


def require_few(rows: int) -> None:
    """Refuse to look for near duplicates among more rows than memory holds the letter trigrams of.

    Raises:
        FinesentError: there are more than ``MOST_FOR_NEAR``.
    """
    if rows > MOST_FOR_NEAR:
        raise FinesentError(
            "params.yaml: clean.near_duplicates",
            f"there are {rows:,} rows, and near duplicates are looked for among {MOST_FOR_NEAR:,} at most: "
            "the search holds every text in memory",
            "leave near_duplicates empty; exact ones are found all the same",
        )


def find_overlaps(splits: dict[str, Rows], similarity: float | None) -> Overlaps:
    """Compare all rows of all splits.

    Args:
        splits: by name, in the order train, dev, test, further test sets.
        similarity: from which near duplicates count; None finds exact ones only. The search for near ones
            holds every text in memory.
    """
    keys, count = _numbered(splits, repeated_by_range if similarity is None else by_range)
    first_rows = {name: _first_rows(own, count) for name, own in keys.items()}
    pairs, similarities = np.empty((0, 2), dtype=np.int64), np.empty(0)
    if similarity is not None:
        pairs, similarities = near_pairs(_texts_of_keys(splits, keys, count), similarity)
    return Overlaps(
        splits=splits,
        keys=keys,
        first_rows=first_rows,
        near=np.concatenate([pairs, pairs[:, ::-1]]),
        similarity=np.concatenate([similarities, similarities]),
    )


def _texts_of_keys(splits: dict[str, Rows], keys: dict[str, np.ndarray], count: int) -> list[str]:
    """Return the duplicate key that each number stands for."""
    found = [""] * count
    for name, rows in splits.items():
        for number, text in zip(keys[name], rows.frame(["text"])["text"], strict=True):
            found[number] = found[number] or duplicate_key(text)
    return found


def _rows(keys: np.ndarray, name: str, wanted: np.ndarray | None = None) -> pd.DataFrame:
    """Return the numbers of rows beside their keys; of ``wanted``, (K,) bool, keys alone."""
    rows = np.flatnonzero(keys >= 0)
    if wanted is not None:
        rows = rows[wanted[keys[rows]]]
    return pd.DataFrame({"key": keys[rows], name: rows})


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
    columns = {name: pa.array(pairs[name], type=kind, from_pandas=False) for name, kind in _TYPES.items()}
    write_arrow(path, pa.table(columns))


def _numbered(
    splits: dict[str, Rows], ranges: Callable[..., Iterator[tuple[np.ndarray, ...]]]
) -> tuple[dict[str, np.ndarray], int]:
    """Return :attr:`Overlaps.keys` of the rows that ``ranges`` yields, and how many keys there are."""
    hashes = [rows.copies for rows in splits.values()]
    keys = [np.full(len(own), -1, dtype=np.int32) for own in hashes]
    count = 0
    for chosen in ranges(*hashes):
        together = np.concatenate([own[rows] for own, rows in zip(hashes, chosen, strict=True)])
        numbers, found = pd.factorize(together)
        ends = np.cumsum([len(rows) for rows in chosen])
        for own, rows, part in zip(keys, chosen, np.split(numbers, ends[:-1]), strict=True):
            own[rows] = part + count
        count += len(found)
    return dict(zip(splits, keys, strict=True)), count


def _first_rows(keys: np.ndarray, count: int) -> np.ndarray:
    first = np.full(count, -1, dtype=np.int32)
    rows = np.flatnonzero(keys >= 0)[::-1]
    # Of several rows with one key the last that is written stays.
    first[keys[rows]] = rows
    return first
