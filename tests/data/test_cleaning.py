"""What the recipes do to a text, and which rows count as copies."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finesent.data.cleaning import apply_recipe, clean_review, normalised, remove_duplicates, squeeze_spaces
from finesent.params.clean import Clean

Choice = Literal["drop", "keep"]

ALPHABET = set("abcdefghijklmnopqrstuvwxyz0123456789 .,!?\"'")
# Texts that are dense in what the recipe treats specially.
markup = st.lists(
    st.sampled_from(
        ["<", ">", "&", ";", "amp", "lt", "gt", "quot", "#39", "b", "/", "!--", "--", " ", "İ", "’"]
    )
).map("".join)


def frame(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"row-{number}" for number in range(len(rows))],
            "text": pd.Series([text for text, _ in rows], dtype="str"),
            "label": pd.Series([label for _, label in rows], dtype="int64"),
        }
    )


def rules(repeated: Choice = "drop", shared: Choice = "drop") -> Clean:
    return Clean(
        recipe="none", repeated_in_train=repeated, shared_with_dev_or_test=shared, near_duplicates=None
    )


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


@settings(deadline=None)
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


@settings(deadline=None)
@given(words=st.lists(st.text("abc019.,!?\"'", min_size=1), min_size=1))
def test_reviews_recipe_keeps_clean_text(words: list[str]) -> None:
    assert clean_review(" ".join(words)) == " ".join(words)


@settings(deadline=None)
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


@pytest.mark.parametrize(("recipe", "texts"), [("none", ["A <b>", "<br>", "B"]), ("reviews", ["a", "b"])])
def test_recipe_drops_and_counts_rows_without_text(recipe: str, texts: list[str]) -> None:
    rows = frame((" A  <b>", 0), ("<br>", 1), ("  ", 1), ("", 0), ("B", 1))
    before = rows.copy()
    cleaned, dropped = apply_recipe(rows, recipe)
    assert cleaned["text"].tolist() == texts
    assert dropped == 5 - len(texts)
    assert cleaned["id"].tolist()[-1] == "row-4"
    assert cleaned["label"].tolist()[-1] == 1
    assert cleaned.index.tolist() == list(range(len(texts)))
    pd.testing.assert_frame_equal(rows, before)


def splits() -> dict[str, pd.DataFrame]:
    return {
        "train": frame(
            ("Good film", 1),
            ("good  FILM", 1),
            ("good film", 0),
            ("Shared", 0),
            ("shared ", 1),
            ("in test", 1),
            ("alone", 0),
            ("ALONE", 0),
            ("In Test", 1),
            ("last", 1),
        ),
        "dev": frame(("shared", 0), ("SHARED", 1), ("x", 0)),
        "test": frame(("in  test", 1), ("X", 0), ("y", 0), ("y", 0)),
    }


@pytest.mark.parametrize(
    ("repeated", "shared", "kept"),
    [
        ("drop", "drop", [0, 2, 6, 9]),
        ("drop", "keep", [0, 2, 3, 4, 5, 6, 9]),
        ("keep", "drop", [0, 1, 2, 6, 7, 9]),
        ("keep", "keep", list(range(10))),
    ],
)
def test_the_rules_say_which_rows_go(repeated: Choice, shared: Choice, kept: list[int]) -> None:
    train, counts = remove_duplicates(splits(), rules(repeated, shared))
    assert train["id"].tolist() == [f"row-{number}" for number in kept]
    assert train.index.tolist() == list(range(len(kept)))
    assert list(train.columns) == ["id", "text", "label"]
    assert counts == {
        "train_shared_with_dev_or_test": 4,
        "train_repeated": 3,
        "train_conflicting_labels": 2,
        "dev_repeated": 1,
        "test_repeated": 1,
        "dev_shared_with_test": 1,
        "train_dropped_as_duplicates": 10 - len(kept),
        "train_dropped_as_near_duplicates": 0,
    }


def test_near_duplicates_go_too_and_are_counted_apart() -> None:
    nearly = np.array([False] * 6 + [True, True, True, False])
    train, counts = remove_duplicates(splits(), rules("drop", "drop"), nearly)
    assert train["id"].tolist() == ["row-0", "row-2", "row-9"]
    assert (counts["train_dropped_as_duplicates"], counts["train_dropped_as_near_duplicates"]) == (6, 1)


def test_duplicates_change_no_frame() -> None:
    given_splits = splits()
    remove_duplicates(given_splits, rules())
    for name, rows in splits().items():
        pd.testing.assert_frame_equal(given_splits[name], rows)


def test_without_copies_nothing_goes() -> None:
    distinct = {"train": frame(("a", 0), ("b", 1)), "dev": frame(("c", 0)), "test": frame(("d", 1))}
    train, counts = remove_duplicates(distinct, rules())
    pd.testing.assert_frame_equal(train, distinct["train"])
    assert set(counts.values()) == {0}


@settings(deadline=None)
@given(
    texts=st.lists(
        st.tuples(st.sampled_from(["a", "A", "b", "c c", "C  c", "d"]), st.integers(0, 1)), max_size=12
    ),
    held_out=st.lists(st.sampled_from(["a", "B", "e"]), max_size=3),
)
def test_what_is_left_stands_once_and_not_in_dev_or_test(
    texts: list[tuple[str, int]], held_out: list[str]
) -> None:
    held = frame(*((text, 0) for text in held_out))
    train, _ = remove_duplicates({"train": frame(*texts), "dev": held, "test": held}, rules())
    left = [(normalised(text), label) for text, label in zip(train["text"], train["label"], strict=True)]
    forbidden = {normalised(text) for text in held_out}
    assert len(left) == len(set(left))
    assert set(left) == {
        (normalised(text), label) for text, label in texts if normalised(text) not in forbidden
    }
