"""What the recipes do to a text, and which texts count as copies."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finesent.data.cleaning import clean_review, normalised, squeeze_spaces

ALPHABET = set("abcdefghijklmnopqrstuvwxyz0123456789 .,!?\"'")
# Texts that are dense in what the recipe treats specially.
markup = st.lists(
    st.sampled_from(
        ["<", ">", "&", ";", "amp", "lt", "gt", "quot", "#39", "b", "/", "!--", "--", " ", "İ", "’"]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Great FILM", "great film"),
        ("one<br />two<BR>three", "one two three"),
        ("<p class='x'>It's <b>so</b> good!</p>", "it's so good!"),
        ("<p\nclass='x'>two\nlines</p>", "two lines"),
        ("before<!-- a > b <i> -->after", "before after"),
        ("before<!-- two\nlines -->after", "before after"),
        ("a < b and c > d", "a b and c d"),
        ("I <3 this", "i 3 this"),
        ("x<y", "x y"),
        ("Tom &amp; Jerry", "tom jerry"),
        ("it&#39;s &quot;fine&quot;", 'it\'s "fine"'),
        ("&lt;br /&gt;escaped tag", "escaped tag"),
        ("5&nbsp;stars", "5 stars"),
        ("\u201cgood\u201d, don\u2019t", "good , don t"),
        ("caf\u00e9 10/10 #best", "caf 10 10 best"),
        ("Hmm... really?! \"yes\", 'no'", "hmm... really?! \"yes\", 'no'"),
        ("  \t many\n\nspaces \u00a0 ", "many spaces"),
        ("\u4f60\u597d \U0001f600", ""),
        ("<br>", ""),
        ("", ""),
    ],
)
def test_reviews_recipe(text: str, cleaned: str) -> None:
    assert clean_review(text) == cleaned


def test_an_entity_is_undone_once_so_that_a_doubly_escaped_tag_stays_as_words() -> None:
    assert clean_review("&amp;lt;br&amp;gt;fine") == "lt br gt fine"


@given(text=st.text() | markup)
@example("&amp;amp;lt;b&amp;amp;gt;")
@example("<<b>b>")
@example("<!-<!-- -->- x -->")
@example("İ")
def test_reviews_recipe_leaves_nothing_to_clean(text: str) -> None:
    cleaned = clean_review(text)
    assert clean_review(cleaned) == cleaned
    assert set(cleaned) <= ALPHABET
    assert cleaned == " ".join(cleaned.split())


@given(words=st.lists(st.text("abc019.,!?\"'", min_size=1), min_size=1))
def test_reviews_recipe_keeps_clean_text(words: list[str]) -> None:
    assert clean_review(" ".join(words)) == " ".join(words)


@given(text=st.text())
def test_squeezing_changes_nothing_but_white_space(text: str) -> None:
    assert squeeze_spaces(text).split() == text.split()
    assert squeeze_spaces(squeeze_spaces(text)) == squeeze_spaces(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good film", "good  FILM "),
        ("Straße", "STRASSE"),
        ("ﬁne ½", "fine 1⁄2"),
        ("caf\u00e9", "cafe\u0301"),
        ("a\u00a0b", "a b"),
    ],
)
def test_copies_that_look_alike_are_the_same(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("good film", "good film."), ("café", "cafe"), ("a b", "ab")])
def test_texts_that_differ_in_letters_are_not_copies(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)
