"""Test items that share much with train, and the scores without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from finesent.evaluation.metrics import score
from finesent.evaluation.predictions import Predictions
from finesent.evaluation.shared_with_train import scores_without
from finesent.evaluation.shared_with_train import test_ids_near_train as ids_near_train
from finesent.evaluation.shared_with_train import test_ids_with_phrase as ids_with_phrase

Make = Callable[..., Predictions]

PAIRS = [
    ("near", "train", "t1", "test", "a"),
    ("exact", "train", "t1", "test", "b"),
    ("near", "train", "not drawn", "test", "c"),
    ("near", "train", "t2", "dev", "d"),
    ("near", "dev", "t1", "test", "e"),
    ("near", "train", "t2", "train", "t1"),
    ("near", "test", "f", "test", "g"),
    ("near", "train", "t2", "test", "a"),
]
DUPLICATES = pa.table(
    dict(
        zip(
            ["kind", "first_split", "first_id", "second_split", "second_id"],
            map(list, zip(*PAIRS, strict=True)),
            strict=True,
        )
    )
)


def test_items_are_near_only_what_was_trained_on() -> None:
    assert ids_near_train(DUPLICATES, {"t1", "t2"}) == {"a", "b"}
    assert ids_near_train(DUPLICATES, {"t2"}) == {"a"}
    assert ids_near_train(DUPLICATES, {"t1", "t2"}, "dev") == {"d"}
    assert ids_near_train(DUPLICATES.slice(0, 0), {"t1"}) == set()


RECURRING = pa.table(
    {
        "id": ["a", "b", "c", "a"],
        "split": ["test", "test", "test", "dev"],
        "words": [4, 0, 3, 9],
    }
)


def test_items_hold_a_phrase_from_the_asked_length_on() -> None:
    lengths = {words: ids_with_phrase(RECURRING, words) for words in (1, 3, 4, 5)}
    assert lengths == {1: {"a", "c"}, 3: {"a", "c"}, 4: {"a"}, 5: set()}


def test_where_test_holds_no_phrase_there_is_nothing_to_say() -> None:
    assert ids_with_phrase(RECURRING.slice(1, 1), 1) is None
    assert ids_with_phrase(RECURRING.slice(3), 1) is None


def test_scores_are_those_of_the_items_that_stay(make: Make) -> None:
    split = make().splits["test"]
    found = scores_without(split, {"test-0", "test-7", "elsewhere"})
    assert found is not None
    kept = [number for number in range(60) if number not in (0, 7)]
    for name, spread in found.items():
        values = [asdict(score(split.labels[kept], logits[kept]))[name] for logits in split.logits]
        assert spread.mean == pytest.approx(np.mean(values), abs=1e-6)
        assert spread.sd == pytest.approx(np.std(values, ddof=1), abs=1e-6)


def test_there_is_nothing_to_say_without_a_change_or_without_items(make: Make) -> None:
    split = make().splits["test"]
    assert scores_without(split, set()) is None
    assert scores_without(split, {"dev-1"}) is None
    assert scores_without(split, set(split.ids)) is None
