"""Exact and near duplicates: what counts as one, and that planted ones are found and no others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.data.duplicates import _bands, duplicate_key, jaccard, near_pairs, shingles

SIMILARITY = 0.6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good film", "good  FILM!"),
        ("It's so-so.", "it 's so - so ."),
        ("Straße", "STRASSE"),
        ("café ﬁlm", "cafe\u0301 film"),
        ("Amélie", "Amelie"),
        ("a film (of sorts)", "a film -LRB- of sorts -rrb-"),
        ("don\u2019t", "do n't"),
        ("1,000 words", "1000 words"),
        ("great 😀!", "Great😀"),
    ],
)
def test_the_key_ignores_how_a_text_is_written_down(one: str, other: str) -> None:
    assert duplicate_key(one) == duplicate_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("good film", "good films"),
        ("2 stars", "3 stars"),
        (":-)", ":-("),
        ("!!!", "..."),
        ("nice 😀", "nice 😡"),
    ],
)
def test_the_key_keeps_what_a_text_says(one: str, other: str) -> None:
    assert duplicate_key(one) != duplicate_key(other)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_every_text_has_a_key_with_shingles(text: str) -> None:
    key = duplicate_key(text)
    assert key and key == key.strip()
    assert shingles(key)
    assert all(len(shingle) == 3 for shingle in shingles(key))


def test_shingles_know_where_a_text_begins_and_ends() -> None:
    assert shingles("abcd") == {" ab", "abc", "bcd", "cd "}
    assert shingles("a") == {" a "}
    assert jaccard(shingles("abcd"), shingles("abce")) == pytest.approx(2 / 6)


def naive_pairs(keys: list[str], similarity: float) -> dict[tuple[int, int], float]:
    found = {}
    for (first, one), (second, other) in combinations(enumerate(keys), 2):
        value = jaccard(shingles(one), shingles(other))
        if value >= similarity:
            found[first, second] = value
    return found


@settings(max_examples=40)
@given(
    words=st.lists(
        st.lists(st.sampled_from(["film", "good", "bad", "plot"]), min_size=2, max_size=6), max_size=20
    ),
    similarity=st.sampled_from([0.5, 0.6, 0.8, 1.0]),
)
def test_no_pair_is_invented_and_similarities_are_exact(words: list[list[str]], similarity: float) -> None:
    keys = list(dict.fromkeys("".join(parts) for parts in words))
    pairs, similarities = near_pairs(keys, similarity)
    found = {
        (int(first), int(second)): value for (first, second), value in zip(pairs, similarities, strict=True)
    }
    expected = naive_pairs(keys, similarity)
    assert found.items() <= expected.items()
    assert list(found) == sorted(found)


def test_nearly_every_pair_above_the_threshold_is_found() -> None:
    generator = np.random.default_rng(3)
    keys = list(dict.fromkeys("".join(generator.choice(["good", "film", "bad"], 7)) for _ in range(300)))
    expected = naive_pairs(keys, SIMILARITY)
    pairs, _ = near_pairs(keys, SIMILARITY)
    assert len(expected) > 1000
    assert len(pairs) > 0.98 * len(expected)


@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.75, 0.9, 1.0])
def test_bands_let_a_pair_at_the_threshold_meet(similarity: float) -> None:
    bands = _bands(similarity)
    rows = 128 // bands
    assert 1 - (1 - similarity**rows) ** bands >= 0.98
    assert rows > 1


@pytest.mark.parametrize("keys", [[], ["alone"]])
def test_too_few_texts_have_no_pairs(keys: list[str]) -> None:
    pairs, similarities = near_pairs(keys, SIMILARITY)
    assert pairs.shape == (0, 2)
    assert similarities.shape == (0,)


def sentences(count: int, generator: np.random.Generator) -> list[list[str]]:
    """Sentences of 6 to 30 made-up words, common ones often and rare ones seldom, as in a language."""
    letters, weights = list("etaoinshrdlucmfwygpbvk"), np.arange(22, 0, -1)
    words = [
        "".join(generator.choice(letters, generator.integers(2, 10), p=weights / weights.sum()))
        for _ in range(3000)
    ]
    frequencies = 1 / np.arange(1, len(words) + 1)
    return [
        list(generator.choice(words, generator.integers(6, 31), p=frequencies / frequencies.sum()))
        for _ in range(count)
    ]


def in_capitals(words: list[str], generator: np.random.Generator, rare: list[str]) -> str:
    return " ".join(words).upper()


def with_other_marks(words: list[str], generator: np.random.Generator, rare: list[str]) -> str:
    at = int(generator.integers(1, len(words)))
    return " ".join([*words[:at], "--", *words[at:], "!"])


def with_one_word_changed(words: list[str], generator: np.random.Generator, rare: list[str]) -> str:
    at = int(generator.integers(len(words)))
    other = str(generator.choice([word for word in rare if word != words[at]]))
    return " ".join([*words[:at], other, *words[at + 1 :]])


def test_planted_copies_are_found_and_nothing_else_is() -> None:
    generator = np.random.default_rng(11)
    corpus = sentences(4000, generator)
    texts = [" ".join(words) for words in corpus]
    rare = sorted({word for words in corpus for word in words})
    planted: dict[tuple[int, int], str] = {}
    for number, alter in enumerate([in_capitals, with_other_marks, with_one_word_changed]):
        for source in range(number, 900, 3):
            planted[source, len(texts)] = alter.__name__
            texts.append(alter(corpus[source], generator, rare))
    keys = [duplicate_key(text) for text in texts]
    unique = list(dict.fromkeys(keys))
    rows_of: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    pairs, _ = near_pairs(unique, SIMILARITY)
    found = {pair for rows in rows_of.values() for pair in combinations(rows, 2)}
    for first, second in pairs:
        found |= {
            (min(one, other), max(one, other))
            for one in rows_of[unique[first]]
            for other in rows_of[unique[second]]
        }
    for kind in set(planted.values()):
        of_kind = {pair for pair, name in planted.items() if name == kind}
        assert len(found & of_kind) >= 0.95 * len(of_kind), kind
    assert len(found & set(planted)) >= 0.95 * len(found)
