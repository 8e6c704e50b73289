"""Choosing the phrases to train on beside the drawn sentences: by length, class and a hash of the text."""

from __future__ import annotations

import hashlib

import pandas as pd

from finesent.data.tables import word_counts
from finesent.errors import FinesentError
from finesent.params.sample import Phrases


def choose_phrases(
    phrases: pd.DataFrame, sentences: pd.DataFrame, rules: Phrases, classes: int
) -> pd.DataFrame:
    """Return the phrases to train on, with the columns ``kind`` and ``weight``.

    They are parts of the drawn ``sentences``, so that a smaller sample is smaller in its phrases too. Which
    neutral ones stay is decided by the sha256 of their text: a larger share holds a smaller one.

    Args:
        phrases: as clean wrote them.
        sentences: the drawn training rows, with ``id``.
        rules: which phrases.
        classes: number C of classes; the middle one of an odd number is neutral.

    Raises:
        FinesentError: there is no phrase in the data, or none is left.
    """
    if phrases.empty:
        raise FinesentError(
            "params.yaml: sample.phrases",
            "the data set has no trees of its training sentences",
            "choose one whose catalog entry has the extra file trees-train, or leave phrases empty",
        )
    drawn = set(sentences["id"])
    neutral = classes // 2 if classes % 2 else None
    chosen = [
        words >= rules.min_words
        and not drawn.isdisjoint(within)
        and (label != neutral or _position(text) < rules.neutral_share)
        for words, within, label, text in zip(
            word_counts(phrases["text"]), phrases["sentences"], phrases["label"], phrases["text"], strict=True
        )
    ]
    if not any(chosen):
        raise FinesentError(
            "params.yaml: sample.phrases", "no phrase is left", "lower min_words, or raise sample.train_size"
        )
    kept = phrases.loc[chosen, ["id", "text", "label"]].reset_index(drop=True)
    return kept.assign(kind="phrase", weight=rules.weight)


def add_phrases(sentences: pd.DataFrame, phrases: pd.DataFrame) -> pd.DataFrame:
    """Return the sentences, of weight 1, and after them the phrases, which have no soft labels."""
    rows = sentences.assign(kind="sentence", weight=1.0)
    columns = {
        name: [*rows[name], *(phrases[name] if name in phrases.columns else [None] * len(phrases))]
        for name in rows.columns
    }
    return pd.DataFrame(columns)


def _position(text: str) -> float:
    """Return where the text's hash lies, from 0 to 1."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") / 2**64
