"""Splits for data that come without, or without dev: by a hash of the text, so that copies stay together.

Where rows belong to documents (the column ``group``), it is the document that is hashed, so that sentences
of one review do not help to guess each other. Documents that share a sentence are taken as one: only so do
both its copies and its neighbours stay together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from finesent.data.cleaning import normalised
from finesent.data.hashes import hash64
from finesent.data.rows import Rows
from finesent.data.tables import SPLITS

# Where dev's hashes begin, and where test's: train has eight tenths of the range, they have one each.
_BEGINS = [np.uint64(-(-(tenth << 64) // 10)) for tenth in (8, 9)]


def split_of(text: str) -> str:
    """Return ``train``, ``dev`` or ``test`` for a text: 80, 10 and 10 % of the sha256 range.

    It depends on the normalised text alone: not on the order, number or seed of anything, so that
    rows added later move no other row.
    """
    return SPLITS[int(_split_numbers(hash64([normalised(text).encode("utf-8")]))[0])]


def study_splits(published: dict[str, Rows]) -> dict[str, Rows]:
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
    to_dev = _assigned(rows) == SPLITS.index("dev")
    return {"train": rows.where(~to_dev), "dev": rows.where(to_dev), "test": published["test"]}


def split_by_hash(rows: Rows) -> dict[str, Rows]:
    """Cut rows into train, dev and test, in their own order, by the hash of their text.

    With a column ``group`` (str) it is by the hash of their document's name: of the first by the alphabet
    among documents that are tied together by a text that they share. Rows added later then move others
    only if they tie two documents together.
    """
    assigned = _assigned(rows)
    return {name: rows.where(assigned == number) for number, name in enumerate(SPLITS)}


def _assigned(rows: Rows) -> np.ndarray:
    """Return (N,) uint8, the number of each row's split in ``SPLITS``."""
    hashes = rows.texts
    if "group" in rows.columns():
        names = linked_groups(rows.frame(["group"])["group"].tolist(), rows.texts.tolist())
        hashes = hash64(normalised(name).encode("utf-8") for name in names)
    return _split_numbers(hashes)


def _split_numbers(hashes: np.ndarray) -> np.ndarray:
    """Return (N,) uint8, the number in ``SPLITS`` of the split that each 64-bit hash falls to."""
    dev, test = (hashes >= begin for begin in _BEGINS)
    numbers: np.ndarray = dev.astype(np.uint8) + test
    return numbers


def linked_groups(groups: list[str], texts: Iterable[Hashable]) -> list[str]:
    """Return for each row the first name by the alphabet of all groups that shared texts tie to its own.

    Args:
        groups: of each row.
        texts: of each row, in a form in which copies are equal.
    """
    parents = {name: name for name in groups}
    owners: dict[Hashable, str] = {}
    for group, text in zip(groups, texts, strict=True):
        _join(parents, group, owners.setdefault(text, group))
    return [_root(parents, name) for name in groups]


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
