"""Many texts at once come out as one by one, whatever they hold."""

from __future__ import annotations

import hashlib
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finesent.data.bulk import clean_texts, copy_hashes, hash64, text_hashes
from finesent.data.cleaning import RECIPES, normalised, squeeze_spaces
from finesent.data.duplicates import duplicate_key

# Dense in what takes a text out of the fast way, or is treated specially in it.
awkward = st.lists(
    st.sampled_from(
        [
            "a",
            "B",
            "7",
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\x1c",
            "\x00",
            "\x7f",
            "\u00a0",
            "\u2028",
            "&",
            "&amp;",
            "&lt;b&gt;",
            "&#39",
            "&nbsp;",
            "<",
            "<b>",
            "</B >",
            "<!--",
            "-->",
            "-LRB-",
            "-rsb-",
            "-",
            "!",
            "'",
            "é",
            "e\u0301",
            "ß",
            "İ",
            "ﬁ",
            "½",
            "☕",
            "你",
        ]
    )
).map("".join)
texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])) | awkward, max_size=8)


@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=300)
@given(given=texts)
@example(["", "\n", " a", "b "])
@example(["plain", "\n"])
@example([" "])
@example(["é"])
def test_texts_are_cleaned_as_one_by_one(recipe: str, given: list[str]) -> None:
    assert clean_texts(given, recipe) == [RECIPES[recipe](text) for text in given]


@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=300)
@given(given=texts)
def test_hashes_are_those_of_the_keys_of_cleaned_texts(recipe: str, given: list[str]) -> None:
    cleaned = [text for text in clean_texts(given, recipe) if text]
    assert text_hashes(cleaned).tolist() == hash64(normalised(text).encode() for text in cleaned).tolist()
    assert copy_hashes(cleaned).tolist() == hash64(duplicate_key(text).encode() for text in cleaned).tolist()


def test_every_character_is_cleaned_as_by_itself() -> None:
    letters = [f"x{chr(code)}y" for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000][::7]
    letters += [f"x{chr(code)}{chr(code)} y " for code in range(256)]
    for recipe, single in RECIPES.items():
        assert clean_texts(letters, recipe) == [single(text) for text in letters]


def test_white_space_is_what_unicode_calls_so() -> None:
    blanks = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    assert {unicodedata.category(blank) for blank in blanks} == {"Cc", "Zs", "Zl", "Zp"}
    assert squeeze_spaces("a" + "".join(blanks) + "b") == "a b"


def test_a_hash_is_the_beginning_of_the_sha256() -> None:
    first = int.from_bytes(hashlib.sha256(b"film").digest()[:8], "big")
    found = hash64([b"film", b""])
    assert found.dtype == np.uint64
    assert found.tolist()[0] == first
    assert hash64([]).tolist() == []
