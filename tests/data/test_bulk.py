"""Many texts at once come out as one by one, whatever they hold."""

from __future__ import annotations

import hashlib
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finesent.data.bulk import clean_texts, copy_hashes, text_hashes
from finesent.data.cleaning import RECIPES, normalised, squeeze_spaces
from finesent.data.duplicates import duplicate_key
from finesent.data.hashes import hash64, quick_hash64

pytestmark = pytest.mark.usefixtures("loops")

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
            "&amp;amp;",
            "&#304;",
            "&#x212A;",
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


def array(texts: list[str], before: list[str] | None = None) -> pa.StringArray:
    """Return the texts as Arrow has them, behind others in the same buffers where there are some."""
    others = before or []
    return pa.array(others + texts, pa.string())[len(others) :]


@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=300)
@given(given=texts, before=texts)
@example(["", "\n", " a", "b "], [])
@example(["plain", "\n"], ["", "x"])
@example([" "], [])
@example(["", "   ", "", "a   ", "  b"], [" "])
@example(["é"], ["é"])
@example(["a&#304;b", "&#x212A;<i>", "&amp;lt;b&amp;gt; c", "plain"], ["<b>"])
def test_texts_are_cleaned_as_one_by_one(recipe: str, given: list[str], before: list[str]) -> None:
    expected = [RECIPES[recipe](text) for text in given]
    cleaned = clean_texts(array(given, before), recipe)
    cleaned.validate(full=True)
    assert cleaned.to_pylist() == expected


@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=300)
@given(given=texts, before=texts)
@example(["-rrb-"], ["-", "LRB-"])
def test_hashes_are_those_of_the_keys_of_cleaned_texts(
    recipe: str, given: list[str], before: list[str]
) -> None:
    cleaned = [text for text in map(RECIPES[recipe], given) if text]
    found = array(cleaned, before)
    assert text_hashes(found).tolist() == hash64(normalised(text).encode() for text in cleaned).tolist()
    keys = [duplicate_key(text).encode() for text in cleaned]
    assert copy_hashes(found).tolist() == quick_hash64(keys).tolist()


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_character_is_cleaned_as_by_itself(recipe: str) -> None:
    letters = [f"x{chr(code)}y" for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    letters += [f"x{chr(code)}{chr(code)} y " for code in range(256)]
    assert clean_texts(array(letters), recipe).to_pylist() == [RECIPES[recipe](text) for text in letters]


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


def test_a_quick_hash_tells_keys_apart() -> None:
    found = quick_hash64(str(number).encode() for number in range(100_000))
    assert found.dtype == np.uint64
    assert len(np.unique(found)) == 100_000
    # All of the range is used, the highest bits too, by which rows are taken together.
    assert np.histogram(found.astype(np.float64), 16, (0, 2.0**64))[0].min() > 6_000
    assert quick_hash64([]).tolist() == []
