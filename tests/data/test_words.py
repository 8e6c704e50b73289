"""Splitting texts into words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like it.", ["i", "do", "n't", "like", "it", "."]),
        ("I DON’T", ["i", "do", "n't"]),
        (
            "It's the director's, isn't it?",
            ["it", "'s", "the", "director", "'s", ",", "is", "n't", "it", "?"],
        ),
        ("we're they'll I've I'd I'm", ["we", "'re", "they", "'ll", "i", "'ve", "i", "'d", "i", "'m"]),
        ("can't won't", ["ca", "n't", "wo", "n't"]),
        # As SST-5 already stands.
        ("does n't it 's", ["does", "n't", "it", "'s"]),
        ("book. (good)!", ["book", ".", "(", "good", ")", "!"]),
        ("snake_case 3.5", ["snake", "_", "case", "3", ".", "5"]),
        ("<PAD> <UNK>", ["<", "pad", ">", "<", "unk", ">"]),
        ("çok güzel 映画", ["çok", "güzel", "映画"]),
        ("tin cannot", ["tin", "cannot"]),
        (" \t\n", []),
    ],
)
def test_words_and_marks_stand_alone(text: str, words: list[str]) -> None:
    assert split_words(text, lowercase=True) == words


def test_case_is_kept_where_it_is_wanted() -> None:
    assert split_words("Isn't It", lowercase=False) == ["Is", "n't", "It"]


@given(st.text())
def test_nothing_but_white_space_is_lost(text: str) -> None:
    kept = "".join(split_words(text, lowercase=False))
    assert kept == "".join(text.replace("’", "'").split())


@given(st.text())
def test_splitting_again_changes_nothing(text: str) -> None:
    words = split_words(text, lowercase=True)
    assert split_words(" ".join(words), lowercase=True) == words
