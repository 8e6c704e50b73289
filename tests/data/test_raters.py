"""Soft labels of train from other people's ratings, which dev and test never meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from finesent.data.raters import fit_cut_points, join_ratings, soft_label
from finesent.errors import FinesentError
from finesent.params.clean import SoftLabels

LABELS = ["bad", "fair", "good"]
HALF = SoftLabels(weight=0.5, spread="normal", judges=3)


def frame(rows: list[tuple[str, int]]) -> pd.DataFrame:
    return pd.DataFrame({"text": [text for text, _ in rows], "label": [label for _, label in rows]})


def splits(**changes: list[tuple[str, int]]) -> dict[str, pd.DataFrame]:
    rows = {
        "train": [("awful", 0), ("so so", 1), ("superb", 2), ("nobody rated this", 1)],
        "dev": [("Held in dev", 0)],
        "test": [("held in test", 2)],
        **changes,
    }
    return {name: frame(content) for name, content in rows.items()}


def rated(**more: list[int]) -> pd.DataFrame:
    given = {
        "Awful!": [-4, -3],
        "so so": [0, 1],
        "SUPERB": [4, 4],
        "held in dev": [-4],
        "Held in test .": [4],
        "in neither": [1],
        **more,
    }
    return pd.DataFrame({"text": list(given), "ratings": list(given.values())})


def test_training_sentences_get_soft_labels_and_the_others_none() -> None:
    joined = join_ratings(splits(), rated(), HALF, LABELS)
    soft = joined.rows["soft_label"].tolist()
    assert soft[3] is None
    assert [int(np.argmax(label)) for label in soft[:3]] == [0, 1, 2]
    assert joined.rows.drop(columns="soft_label").equals(splits()["train"])
    assert joined.counts() == {
        "sentences": 3,
        "held_back": 2,
        "cut_points": [-1.5, 2.25],
        "agreement": 1.0,
    }


@pytest.mark.parametrize("split", ["dev", "test"])
def test_ratings_of_dev_and_test_change_nothing(split: str) -> None:
    # A training row that only the punctuation tells from one of dev or test: its ratings are theirs.
    rows = splits()
    rows["train"] = pd.concat([rows["train"], frame([("held, in dev", 2), ("held in test", 0)])])
    name = "held in dev" if split == "dev" else "Held in test ."
    outcomes = [join_ratings(rows, rated(**{name: ratings}), HALF, LABELS) for ratings in ([-4], [4, 0, 4])]
    without = rated()
    without = without[without["text"] != name]
    outcomes.append(join_ratings(rows, without, HALF, LABELS))
    first, *others = [outcome.rows["soft_label"].tolist() for outcome in outcomes]
    assert all(other == first for other in others)
    assert first[4:] == [None, None]
    assert len({tuple(outcome.cut_points) for outcome in outcomes}) == 1


def test_labels_of_dev_and_test_are_never_looked_at() -> None:
    whole = splits()
    bare = {name: rows if name == "train" else rows[["text"]] for name, rows in whole.items()}
    assert join_ratings(bare, rated(), HALF, LABELS).counts() == (
        join_ratings(whole, rated(), HALF, LABELS).counts()
    )


def test_ratings_of_a_sentence_that_stands_twice_are_put_together() -> None:
    shares = SoftLabels(weight=1.0, spread="ratings", judges=3)
    again = {"superb": [4, 0, 0, -4], "so so !": [1]}
    joined = join_ratings(splits(), rated(**again), shares, LABELS)
    # Three of SUPERB's and superb's six ratings are 4, two 0 and one -4; the cut points lie around.
    assert joined.cut_points == pytest.approx([(-3.5 + 2 / 3) / 2, (2 / 3 + 4 / 3) / 2])
    assert joined.rows["soft_label"][2] == pytest.approx([1 / 6, 2 / 6, 3 / 6])


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=30),
    st.integers(0, 2),
    st.floats(0.01, 1.0),
    st.sampled_from(["normal", "ratings"]),
    st.integers(1, 20),
)
def test_a_soft_label_is_a_distribution_that_holds_the_gold_share(
    ratings: list[int], gold: int, weight: float, spread: Any, judges: int
) -> None:
    cuts = [-1.25, 1.75]
    label = soft_label(ratings, gold, cuts, SoftLabels(weight=weight, spread=spread, judges=judges))
    assert sum(label) == pytest.approx(1.0)
    assert min(label) >= 0
    assert label[gold] >= 1 - weight - 1e-12
    if spread == "normal":
        variance = np.var(ratings) + 1 / 12
        scatter = np.sqrt(variance / len(ratings) + variance / judges)
        below = norm.cdf(cuts, np.mean(ratings), scatter)
        expected = np.diff([0, *below, 1])
    else:
        expected = np.bincount(np.searchsorted(cuts, ratings), minlength=3) / len(ratings)
    expected = weight * expected + (1 - weight) * np.eye(3)[gold]
    assert label == pytest.approx(expected.tolist(), abs=1e-12)


def test_raters_who_agree_are_not_taken_to_be_certain() -> None:
    shares = [
        soft_label([1] * raters, 1, [-1.0, 1.2], SoftLabels(weight=1.0, spread="normal", judges=judges))[1]
        for raters, judges in [(2, 3), (20, 3), (20, 30)]
    ]
    assert shares == sorted(shares)
    assert 0.5 < shares[0] < shares[1] < shares[2] < 1


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 2)), max_size=40), st.data())
def test_cut_points_give_every_class_its_size(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    gold = np.array([0, 1, 2, *(label for _, label in pairs)])
    # Distinct means, so that sizes can be met exactly.
    means = np.array(data.draw(st.permutations(range(len(gold))))) / 10
    cuts = fit_cut_points(means, gold, LABELS)
    assert cuts == sorted(cuts)
    assert np.bincount(np.searchsorted(cuts, means)).tolist() == np.bincount(gold).tolist()


@pytest.mark.parametrize("dropped", ["Awful!", "SUPERB"])
def test_a_class_without_ratings_is_refused(dropped: str) -> None:
    few = rated()
    with pytest.raises(FinesentError, match=r"no training sentence of the class '(bad|good)' has ratings"):
        join_ratings(splits(), few[few["text"] != dropped], HALF, LABELS)


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(FinesentError, match="'bad', 'fair', 'good' has ratings") as caught:
        join_ratings(splits(), rated()[:0], HALF, LABELS)
    assert caught.value.place == "params.yaml: raters"


def test_soft_labels_of_the_data_set_itself_are_not_overwritten() -> None:
    rows = splits()
    rows["train"] = rows["train"].assign(soft_label=None)
    with pytest.raises(FinesentError, match="soft labels of its own"):
        join_ratings(rows, rated(), HALF, LABELS)
