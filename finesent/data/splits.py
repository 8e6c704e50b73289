"""Splits for data that come without, or without dev: by a hash of the text, so that copies stay together.

Where rows belong to documents (the column ``group``), it is the document that is hashed, so that sentences
of one review do not help to guess each other. Documents that share a sentence are taken as one: only so do
both its copies and its neighbours stay together.
"""

from __future__ import annotations

import hashlib

import pandas as pd

from finesent.data.cleaning import normalised

# Tenths of the hash range: 8 to train, 1 to dev, 1 to test.
_TENTHS = ["train"] * 8 + ["dev", "test"]


def split_of(text: str) -> str:
    """Return ``train``, ``dev`` or ``test`` for a text: 80, 10 and 10 % of the sha256 range.

    It depends on the normalised text alone: not on the order, number or seed of anything, so that
    rows added later move no other row.
    """
    digest = hashlib.sha256(normalised(text).encode("utf-8")).digest()
    return _TENTHS[int.from_bytes(digest[:8], "big") * len(_TENTHS) >> 64]


def study_splits(published: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return train, dev and test of data that were published with these splits.

    Args:
        published: all three, which are returned as they are; ``train`` and ``test``, and then the rows of
            train whose hash falls into dev's tenth of the range become dev; or ``all``, which is cut
            80/10/10. A published test split is never changed.
    """
    if "all" in published:
        return split_by_hash(published["all"])
    if "dev" in published:
        return published
    rows = published["train"]
    # What the hash would give to test stays in train, for a test split has been published.
    to_dev = _assigned(rows) == "dev"
    return {
        "train": rows[~to_dev].reset_index(drop=True),
        "dev": rows[to_dev].reset_index(drop=True),
        "test": published["test"],
    }


def split_by_hash(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cut rows into train, dev and test, in their own order, by the hash of their text.

    With a column ``group`` (str) it is by the hash of their document's name: of the first by the alphabet
    among documents that are tied together by a text that they share. Rows added later then move others
    only if they tie two documents together.
    """
    assigned = _assigned(rows)
    return {name: rows[assigned == name].reset_index(drop=True) for name in ("train", "dev", "test")}


def _assigned(rows: pd.DataFrame) -> pd.Series:
    """Return the split of each row."""
    hashed = linked_groups(rows["group"], rows["text"]) if "group" in rows.columns else rows["text"]
    return hashed.map(split_of)


def linked_groups(groups: pd.Series, texts: pd.Series) -> pd.Series:
    """Return for each row the first name by the alphabet of all groups that shared texts tie to its own."""
    parents = {name: name for name in groups}
    owners: dict[str, str] = {}
    for group, text in zip(groups, map(normalised, texts), strict=True):
        _join(parents, group, owners.setdefault(text, group))
    return groups.map({name: _root(parents, name) for name in parents})


def _join(parents: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first


def _root(parents: dict[str, str], name: str) -> str:
    path = []
    while parents[name] != name:
        path.append(name)
        name = parents[name]
    # The way is shortened for whoever asks next.
    parents.update(dict.fromkeys(path, name))
    return name
