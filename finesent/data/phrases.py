"""Phrases: the labelled parts of training sentences, as further rows to train on.

A treebank labels every node of a sentence's parse tree, not only its root (Socher et al., 2013, "Recursive
Deep Models for Semantic Compositionality Over a Sentiment Treebank"). Only trees of sentences that are in
train after cleaning give phrases, and no phrase says what a sentence of dev or test says: both have short
ones, which are phrases of others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pandas as pd

from finesent.data.cleaning import RECIPES
from finesent.data.duplicates import duplicate_key
from finesent.errors import FinesentError

# A node opens with its label; a leaf's word, or a bracket alone, closes one. Words end at ASCII spaces alone.
_TOKEN = re.compile(r"\((?P<label>[^ ()]+) |(?P<word>[^ ()]+)\)|\)")
_COLUMNS = ["id", "text", "label", "sentences"]


@dataclass
class _Phrase:
    """A text with a label: where it stands first, and the ids of the training rows that it is a part of."""

    id: str
    sentences: dict[str, None] = field(default_factory=dict)


def nodes(tree: str) -> list[tuple[str, str]]:
    """Return label and text of each node of a tree, in the order in which they end; the root is the last."""
    words: list[str] = []
    opened: list[tuple[str, int]] = []
    found: list[tuple[str, str]] = []
    for token in _TOKEN.finditer(tree):
        if token["label"]:
            opened.append((token["label"], len(words)))
            continue
        if token["word"]:
            words.append(token["word"])
        label, start = opened.pop()
        found.append((label, " ".join(words[start:])))
    return found


def find_phrases(
    trees: list[str], splits: dict[str, pd.DataFrame], classes: int, recipe: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Collect the phrases of the training sentences, each text and label once, whole sentences left out.

    Args:
        trees: of the published training split, as :func:`finesent.data.readers.read_train_trees` gives them.
        splits: cleaned rows with ``id`` and ``text`` of ``train``, ``dev`` and ``test``; not looked at where
            there are no trees.
        classes: number C of classes.
        recipe: the cleaning recipe, which phrases get as sentences did.

    Returns:
        Rows with ``id``, ``text``, ``label`` and ``sentences`` (the ids of the training rows that the phrase
        is a part of), in the order of the trees; and the counts of trees, of those whose sentence is not in
        train, of phrases, and of those left out because dev or test has a sentence that says the same.

    Raises:
        FinesentError: a node's label is none of 0 to C - 1.
    """
    rows_of = _ids_by_key(splits["train"]) if trees else {}
    clean = RECIPES[recipe]
    found: dict[tuple[str, int], _Phrase] = {}
    left_out = 0
    for number, tree in enumerate(trees, 1):
        *parts, (_, sentence) = nodes(tree)
        rows = rows_of.get(duplicate_key(clean(sentence)), [])
        left_out += not rows
        for place, (label, text) in enumerate(parts if rows else [], 1):
            key = clean(text), _class_of(label, classes, number)
            phrase = found.setdefault(key, _Phrase(f"phrase-{number}-{place}"))
            phrase.sentences.update(dict.fromkeys(rows))
    held_out = ("dev", "test") if found else ()
    held = {duplicate_key(text) for name in held_out for text in splits[name]["text"]}
    kept = [
        (phrase.id, text, label, list(phrase.sentences))
        for (text, label), phrase in found.items()
        if text and duplicate_key(text) not in held
    ]
    told = sum(duplicate_key(text) in held for text, _ in found if text)
    counts = {
        "trees": len(trees),
        "trees_of_sentences_not_in_train": left_out,
        "rows": len(kept),
        "dropped_as_sentences_of_dev_or_test": told,
    }
    return pd.DataFrame(kept, columns=_COLUMNS), counts


def _ids_by_key(rows: pd.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for identifier, text in zip(rows["id"], rows["text"], strict=True):
        found.setdefault(duplicate_key(text), []).append(identifier)
    return found


def _class_of(label: str, classes: int, tree: int) -> int:
    if not label.isdecimal() or int(label) >= classes:
        raise FinesentError(
            f"trees-train, row {tree}",
            f"a node has the label {label!r}; allowed are 0 to {classes - 1}",
            "mend the file, or its entry in catalog/datasets.yaml",
        )
    return int(label)
