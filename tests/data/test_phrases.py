"""Phrases come out of the trees of training sentences alone, and none says what dev or test says."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.duplicates import duplicate_key
from finesent.data.phrases import find_phrases, nodes
from finesent.errors import FinesentError

FINE = "(3 (2 A) (4 (3 (3 fine) (2 film)) (2 .)))"
SHORT = "(1 (1 Not) (3 fine))"

Tree = tuple[str, Any]
words = st.text("abc'-,.é\xa0", min_size=1, max_size=4)
labels = st.sampled_from("01234")
trees = st.recursive(
    st.tuples(labels, words),
    lambda inner: st.tuples(labels, st.lists(inner, min_size=1, max_size=3)),
    max_leaves=12,
)


def written(tree: Tree) -> str:
    label, inside = tree
    return f"({label} {inside if isinstance(inside, str) else ' '.join(map(written, inside))})"


def walked(tree: Tree) -> list[tuple[str, str]]:
    """Every node's label and text, children before their parent, by recursion."""
    label, inside = tree
    if isinstance(inside, str):
        return [(label, inside)]
    below = [walked(child) for child in inside]
    return [*(node for part in below for node in part), (label, " ".join(part[-1][1] for part in below))]


@given(trees)
def test_every_node_is_found_with_its_own_text(tree: Tree) -> None:
    assert nodes(written(tree)) == walked(tree)


def frame(split: str, texts: list[str]) -> pd.DataFrame:
    ids = [f"{split}-{number}" for number in range(1, len(texts) + 1)]
    return pd.DataFrame({"id": ids, "text": texts, "label": [0] * len(texts)})


def splits(train: list[str], dev: list[str] | None = None, test: list[str] | None = None) -> dict[str, Any]:
    return {"train": frame("train", train), "dev": frame("dev", dev or []), "test": frame("test", test or [])}


def texts(phrases: pd.DataFrame) -> list[str]:
    return [str(text) for text in phrases["text"]]


def test_phrases_are_the_parts_of_training_sentences_once_each() -> None:
    found, counts = find_phrases([FINE, SHORT], splits(["A fine film .", "not fine"]), 5, "none")
    assert list(zip(found["text"], found["label"], strict=True)) == [
        ("A", 2), ("fine", 3), ("film", 2), ("fine film", 3), (".", 2), ("fine film .", 4), ("Not", 1),
    ]  # fmt: skip
    assert found["id"].is_unique
    within = dict(zip(found["text"], found["sentences"], strict=True))
    assert within["fine"] == ["train-1", "train-2"]
    assert within["fine film ."] == ["train-1"]
    assert counts == {
        "trees": 2,
        "trees_of_sentences_not_in_train": 0,
        "rows": 7,
        "dropped_as_sentences_of_dev_or_test": 0,
    }


def test_a_phrase_with_two_labels_stays_with_both() -> None:
    found, _ = find_phrases(["(2 (1 so) (2 (3 so) (2 x)))"], splits(["so so x"]), 5, "none")
    assert list(zip(found["text"], found["label"], strict=True))[:2] == [("so", 1), ("so", 3)]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_no_phrase_says_what_a_sentence_of_dev_or_test_says(split: str) -> None:
    held = {**splits(["A fine film ."]), split: frame(split, ["FINE film!", "other"])}
    found, counts = find_phrases([FINE], held, 5, "none")
    assert texts(found) == ["A", "fine", "film", "."]
    assert counts["dropped_as_sentences_of_dev_or_test"] == 2


@pytest.mark.parametrize("train", [["another sentence"], []])
def test_a_sentence_that_cleaning_took_out_of_train_gives_no_phrase(train: list[str]) -> None:
    found, counts = find_phrases([FINE], splits(train, test=["A fine film ."]), 5, "none")
    assert found.empty
    assert counts["trees_of_sentences_not_in_train"] == 1


@given(
    st.lists(trees, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=4),
)
def test_dev_and_test_share_no_phrase_with_train_whatever_they_hold(
    many: list[Tree], taken: list[tuple[int, int]]
) -> None:
    # What dev and test hold are sentences and phrases of train itself, the worst case.
    spoken = [walked(tree) for tree in many]
    held = [spoken[tree % len(many)][node % len(spoken[tree % len(many)])][1] for tree, node in taken]
    rows = splits([parts[-1][1] for parts in spoken], held[::2], held[1::2])
    found, counts = find_phrases([written(tree) for tree in many], rows, 5, "none")
    keys = {duplicate_key(text) for text in held}
    every = {(text, label) for parts in spoken for label, text in parts[:-1]}
    expected = {(text, int(label)) for text, label in every if duplicate_key(text) not in keys}
    cleaned = {(" ".join(text.split()), label) for text, label in expected if text.strip()}
    assert set(zip(found["text"], found["label"], strict=True)) == cleaned
    assert counts["rows"] == len(cleaned)


def test_phrases_are_cleaned_as_the_sentences_were() -> None:
    found, _ = find_phrases(["(2 (2 (2 So) (2 &amp;)) (2 Good))"], splits(["so good"]), 5, "reviews")
    assert texts(found) == ["so", "good"]


@pytest.mark.parametrize("label", ["5", "x", "-1", "1.5"])
def test_an_unknown_label_names_its_tree(label: str) -> None:
    with pytest.raises(FinesentError, match="allowed are 0 to 4") as caught:
        find_phrases([FINE, f"(2 (2 a) ({label} b))"], splits(["A fine film .", "a b"]), 5, "none")
    assert caught.value.place == "trees-train, row 2"
