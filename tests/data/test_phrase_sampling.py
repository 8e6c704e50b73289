"""The phrases that are trained on belong to the drawn sentences, and a larger share holds a smaller one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from finesent.data.phrase_sampling import add_phrases, choose_phrases
from finesent.errors import FinesentError
from finesent.params.sample import Phrases

FOUND = pd.DataFrame(
    [
        ("p1", "fine", 3, ["train-1", "train-2"]),
        ("p2", "fine film", 3, ["train-1"]),
        ("p3", "fine film .", 4, ["train-1"]),
        ("p4", "not", 1, ["train-2"]),
    ],
    columns=["id", "text", "label", "sentences"],
)


def drawn(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "text": ["a b"] * len(ids), "label": [0] * len(ids)})


def texts(phrases: pd.DataFrame) -> list[str]:
    return [str(text) for text in phrases["text"]]


def rules(**changes: Any) -> Phrases:
    return Phrases(**{"min_words": 1, "neutral_share": 1.0, "weight": 1.0, **changes})


def many(count: int, label: int = 2) -> pd.DataFrame:
    rows = [(f"p{n}", f"phrase no {n}", label, ["train-1"]) for n in range(count)]
    return pd.DataFrame(rows, columns=["id", "text", "label", "sentences"])


def test_short_phrases_and_those_of_sentences_not_drawn_are_left_out() -> None:
    first = choose_phrases(FOUND, drawn("train-1"), rules(min_words=2), 5)
    assert texts(first) == ["fine film", "fine film ."]
    chosen = choose_phrases(FOUND, drawn("train-2"), rules(weight=0.25), 5)
    assert texts(chosen) == ["fine", "not"]
    assert set(chosen["kind"]) == {"phrase"}
    assert chosen["weight"].tolist() == [0.25, 0.25]


def test_a_share_of_the_neutral_phrases_is_kept_and_a_larger_one_holds_it() -> None:
    sentences = drawn("train-1")
    kept = {
        share: set(choose_phrases(many(2000), sentences, rules(neutral_share=share), 5)["id"])
        for share in (0.25, 0.5, 1.0)
    }
    assert len(kept[1.0]) == 2000
    # Five standard deviations of a binomial are 97 and 112.
    assert abs(len(kept[0.25]) - 500) < 97
    assert abs(len(kept[0.5]) - 1000) < 112
    assert kept[0.25] < kept[0.5]


@pytest.mark.parametrize(("label", "classes"), [(1, 5), (1, 2), (0, 3)])
def test_other_classes_are_kept_whole(label: int, classes: int) -> None:
    sentences = drawn("train-1")
    assert len(choose_phrases(many(50, label), sentences, rules(neutral_share=0.0), classes)) == 50


@pytest.mark.parametrize(
    ("phrases", "problem"), [(many(0), "has no trees"), (many(3), "no phrase is left")], ids=["none", "short"]
)
def test_no_phrases_are_refused(phrases: pd.DataFrame, problem: str) -> None:
    with pytest.raises(FinesentError, match=problem) as caught:
        choose_phrases(phrases, drawn("train-1"), rules(min_words=9), 5)
    assert caught.value.place == "params.yaml: sample.phrases"


def test_phrases_follow_the_sentences_and_have_no_soft_label() -> None:
    sentences = drawn("train-1").assign(soft_label=pd.Series([[0.5, 0.5]], dtype=object))
    rows = add_phrases(sentences, choose_phrases(many(2), sentences, rules(weight=0.5), 5))
    assert rows["kind"].tolist() == ["sentence", "phrase", "phrase"]
    assert rows["weight"].tolist() == [1.0, 0.5, 0.5]
    assert rows["soft_label"].tolist() == [[0.5, 0.5], None, None]
    assert rows["label"].tolist() == [0, 2, 2]
