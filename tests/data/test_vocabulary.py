"""The vocabulary: made of training texts alone, and the only one its tokens can be read with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.vocabulary import (
    PAD,
    UNKNOWN,
    Vocabulary,
    build_vocabulary,
    count_words,
    read_vocabulary,
    word_ids,
    write_vocabulary,
)
from finesent.errors import FinesentError
from finesent.params.tokenize import Words

TEXTS = ["the film was good", "The film", "the plot was thin"]


def rules(max_size: int = 100, min_count: int = 1, lowercase: bool = True) -> Words:
    return Words(max_size=max_size, min_count=min_count, lowercase=lowercase)


def test_the_frequent_words_come_first_and_equals_by_spelling() -> None:
    vocabulary = build_vocabulary(count_words(TEXTS, lowercase=True), rules())
    assert vocabulary.words == ["<PAD>", "<UNK>", "the", "film", "was", "good", "plot", "thin"]
    assert (vocabulary.words[PAD], vocabulary.words[UNKNOWN]) == ("<PAD>", "<UNK>")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (rules(min_count=2), ["the", "film", "was"]),
        (rules(max_size=4), ["the", "film"]),
        (rules(max_size=4, min_count=3), ["the"]),
        (rules(lowercase=False, min_count=2), ["film", "the", "was"]),
    ],
)
def test_rare_words_and_words_beyond_the_size_are_left_out(words: Words, expected: list[str]) -> None:
    assert build_vocabulary(count_words(TEXTS, words.lowercase), words).words[2:] == expected


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(FinesentError, match=r"the vocabulary is empty: no word .* occurs 9 times"):
        build_vocabulary(count_words(TEXTS, lowercase=True), rules(min_count=9))


def test_unknown_words_empty_texts_and_long_ones() -> None:
    vocabulary = build_vocabulary(count_words(TEXTS, lowercase=True), rules())
    ids, cut = word_ids(["GOOD film !", "", "the the the the", "<PAD>"], vocabulary, max_length=3)
    assert ids == [[5, 3, UNKNOWN], [UNKNOWN], [2, 2, 2], [UNKNOWN] * 3]
    assert cut == 1


@given(st.lists(st.text(), max_size=8))
def test_no_text_is_ever_padding(texts: list[str]) -> None:
    vocabulary = build_vocabulary(count_words([*TEXTS, *texts], lowercase=True), rules())
    ids, _ = word_ids(texts, vocabulary, max_length=50)
    assert all(row and PAD not in row and max(row) < len(vocabulary) for row in ids)


def test_the_hash_tells_words_order_and_case_rule_apart(tmp_path: Path) -> None:
    words = ["<PAD>", "<UNK>", "a", "b"]
    others = [
        Vocabulary(words, True),
        Vocabulary(words, False),
        Vocabulary([*words[:2], "b", "a"], True),
        Vocabulary([*words, "c"], True),
    ]
    assert len({vocabulary.sha256 for vocabulary in others}) == 4
    write_vocabulary(tmp_path / "v.json", others[0])
    assert read_vocabulary(tmp_path / "v.json") == others[0]
    assert read_vocabulary(tmp_path / "v.json").sha256 == others[0].sha256


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"words": ["<PAD>", "<UNK>"], "lowercase": True},
        {"words": ["<UNK>", "<PAD>", "a"], "lowercase": True},
        {"words": ["<PAD>", "<UNK>", "a", "a"], "lowercase": True},
        {"words": ["<PAD>", "<UNK>", "a"], "lowercase": True, "more": 1},
        {"words": 3, "lowercase": True},
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    (tmp_path / "v.json").write_text(json.dumps(content))
    with pytest.raises(FinesentError, match="is no vocabulary"):
        read_vocabulary(tmp_path / "v.json")
