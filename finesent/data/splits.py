"""Splits for data that come without: by a hash of the text, so that copies stay together."""

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


def split_by_hash(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cut rows into train, dev and test by the hash of their text, in their own order."""
    assigned = rows["text"].map(split_of)
    return {name: rows[assigned == name].reset_index(drop=True) for name in ("train", "dev", "test")}
