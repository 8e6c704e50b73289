"""What is counted in the bytes of many texts is what is counted in each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finesent.data.cleaning import squeeze_spaces
from finesent.data.joined import Joined, cleaned_word_counts
from finesent.data.tables import word_counts

pytestmark = pytest.mark.usefixtures("loops")

letters = st.text(st.characters(exclude_categories=["Cs"]))
texts = st.lists(letters | st.lists(letters).map(" \t".join))


def array(texts: list[str], before: list[str]) -> pa.StringArray:
    """Return the texts as Arrow has them, behind others in the same buffers."""
    return pa.array(before + texts, pa.string())[len(before) :]


@given(texts, texts)
@example([], ["a"])
@example(["é b"], ["c d"])
def test_words_of_cleaned_texts_are_counted_as_any(given: list[str], before: list[str]) -> None:
    cleaned = [text for text in map(squeeze_spaces, given) if text]
    found = cleaned_word_counts(array(cleaned, before))
    assert found.tolist() == word_counts(pd.Series(cleaned, dtype="str")).tolist()
    assert found.dtype == np.int64


@given(texts, texts, st.lists(st.sampled_from(["a", " ", "&", "é", "ab", "\t "]), max_size=3))
@example(["aa", "b"], [], ["ab"])
@example(["", "ab", ""], ["x"], ["ab"])
def test_texts_that_hold_a_sequence_are_found(given: list[str], before: list[str], wanted: list[str]) -> None:
    joined = Joined.of(array(given, before))
    found = joined.holding([sequence.encode() for sequence in wanted])
    assert found.tolist() == [any(sequence in text for sequence in wanted) for text in given]
    assert joined.not_ascii().tolist() == [not text.isascii() for text in given]
