"""Agreement among people, against loops over items and raters."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.data.panel import SecondOpinion, write_panel
from finesent.data.readers import rating_class
from finesent.data.tables import read_arrow
from finesent.evaluation.ceiling import ceiling
from finesent.evaluation.results import CeilingRow
from finesent.params.compare import Compare

CLASSES = 5
RULES = Compare(baseline="b", family="all", confidence=0.95, power=0.8, resamples=400, seed=3)
HELD_OUT, HALVES = "one held-out rater", "half of the panel"
ABOUT = {b"finesent": b'{"dataset": "sst5", "title": "SST-5"}'}


def panel_of(
    ratings: list[list[int]], second: list[int | None] | None = None, split: str = "test"
) -> pa.Table:
    ids = [f"i{number}" for number in range(len(ratings))]
    columns = {
        "id": ids,
        "split": [split] * len(ids),
        "ratings": pa.array(ratings, pa.list_(pa.int64())),
        "second_label": pa.array(second or [None] * len(ids), pa.int64()),
    }
    return pa.table(columns).replace_schema_metadata(ABOUT)


def rows_of(panel: pa.Table, labels: list[int] | None = None) -> dict[str, CeilingRow]:
    known = dict(zip(panel["id"].to_pylist(), labels or [0] * len(panel), strict=True))
    return {row.name: row for row in ceiling(panel, known, CLASSES, RULES)}


def some_ratings(items: int, people: int, seed: int = 0) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 2, items)
    noisy = true[:, None] + generator.normal(0, 1, (items, people))
    return np.clip(np.round(noisy), -4, 4).astype(int).tolist()


def class_of(ratings: list[int]) -> int:
    return rating_class(Fraction(sum(ratings), len(ratings)), CLASSES)


def naive_scores(answers: list[tuple[float, int, int]]) -> dict[str, float]:
    """Metrics of weighted (reference, answer) pairs, one after the other."""
    total = sum(weight for weight, _, _ in answers)
    f1 = []
    for c in range(CLASSES):
        right = sum(w for w, y, p in answers if y == p == c)
        named = sum(w * ((y == c) + (p == c)) for w, y, p in answers)
        f1.append(2 * right / named if named else 0.0)
    chance = sum(v * w * (y - p) ** 2 for v, y, _ in answers for w, _, p in answers) / total
    apart = sum(w * (y - p) ** 2 for w, y, p in answers)
    return {
        "accuracy": sum(w for w, y, p in answers if y == p) / total,
        "macro_f1": sum(f1) / CLASSES,
        "mae": sum(w * abs(y - p) for w, y, p in answers) / total,
        "quadratic_kappa": 1 - apart / chance if chance else 0.0,
        "within_1": sum(w for w, y, p in answers if abs(y - p) <= 1) / total,
    }


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.integers(-4, 4), min_size=0, max_size=6), min_size=1, max_size=8).filter(
        lambda lists: any(len(given) > 1 for given in lists)
    )
)
def test_a_held_out_rater_matches_a_loop(ratings: list[list[int]]) -> None:
    row = rows_of(panel_of(ratings))[HELD_OUT]
    answers = [
        (1 / len(given), class_of(given[:left_out] + given[left_out + 1 :]), class_of([given[left_out]]))
        for given in ratings
        if len(given) > 1
        for left_out in range(len(given))
    ]
    assert row.n == sum(len(given) > 1 for given in ratings)
    found = {metric: value for metric, (value, _, _) in row.scores.items()}
    assert found == pytest.approx(naive_scores(answers), abs=2e-6)


@pytest.mark.parametrize("people", [4, 5])
def test_halves_come_near_the_mean_over_all_halvings(people: int) -> None:
    ratings = some_ratings(120, people)
    answers = []
    for row_of_people in ratings:
        halves = list(combinations(range(people), people // 2))
        for half in halves:
            first = class_of([row_of_people[k] for k in half])
            second = class_of([row_of_people[k] for k in range(people) if k not in half])
            answers += [(0.5 / len(halves), first, second), (0.5 / len(halves), second, first)]
    row = rows_of(panel_of(ratings))[HALVES]
    found = {metric: value for metric, (value, _, _) in row.scores.items()}
    # 120 items x 200 halvings: the standard error of a share is below half a point.
    assert found == pytest.approx(naive_scores(answers), abs=0.015)


def test_two_people_are_each_others_reference() -> None:
    rows = rows_of(panel_of(some_ratings(50, 2)))
    assert rows[HELD_OUT].scores == rows[HALVES].scores


def test_people_who_agree_agree_fully() -> None:
    rows = rows_of(panel_of([[value] * 10 for value in (-4, -2, 0, 2, 4)]))
    for name in (HELD_OUT, HALVES):
        assert rows[name].scores["accuracy"] == (1, 1, 1)
        assert rows[name].scores["mae"] == (0, 0, 0)
        assert rows[name].scores["macro_f1"][0] == 1


def test_a_second_panel_is_compared_with_the_label() -> None:
    labels = [0, 1, 2, 3, 4, 4]
    second = [0, 2, 2, None, 4, 0]
    rows = rows_of(panel_of([[]] * 6, second), labels)
    assert list(rows) == ["second panel (SST-5)"]
    row = rows["second panel (SST-5)"]
    assert row.n == 5
    pairs = [(1.0, y, p) for y, p in zip(labels, second, strict=True) if p is not None]
    found = {metric: value for metric, (value, _, _) in row.scores.items()}
    assert found == pytest.approx(naive_scores(pairs), abs=1e-6)


def test_intervals_hold_the_estimate_and_shrink_with_items() -> None:
    widths = []
    for items in (50, 800):
        low_high = rows_of(panel_of(some_ratings(items, 8)))[HELD_OUT].scores
        for value, low, high in low_high.values():
            assert low <= value <= high
        widths.append(low_high["mae"][2] - low_high["mae"][1])
    assert widths[1] < 0.5 * widths[0]


def test_the_interval_is_that_of_a_mean_over_items() -> None:
    ratings = some_ratings(400, 8)
    value, low, high = rows_of(panel_of(ratings))[HELD_OUT].scores["accuracy"]
    by_item = [
        np.mean([class_of(g[:k] + g[k + 1 :]) == class_of([g[k]]) for k in range(len(g))]) for g in ratings
    ]
    assert value == pytest.approx(np.mean(by_item), abs=1e-6)
    error = np.std(by_item, ddof=1) / np.sqrt(len(by_item))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_equal_seeds_give_equal_rows() -> None:
    panel = panel_of(some_ratings(40, 7), [1, None] * 20)
    assert rows_of(panel) == rows_of(panel)


@pytest.mark.parametrize("ratings", [[[]] * 4, [[2], [1], [], [-4]]])
def test_no_ratings_give_no_rows(ratings: list[list[int]]) -> None:
    assert rows_of(panel_of(ratings)) == {}


def test_only_test_items_that_were_scored_count() -> None:
    assert rows_of(panel_of(some_ratings(10, 5), [1] * 10, split="dev")) == {}
    panel = panel_of(some_ratings(10, 5))
    rows = ceiling(panel, {"i1": 0, "i7": 0}, CLASSES, RULES)
    assert {row.n for row in rows} == {2}
    assert ceiling(panel, {}, CLASSES, RULES) == []


def test_every_note_says_that_it_is_no_limit() -> None:
    for row in rows_of(panel_of(some_ratings(10, 5), [1] * 10)).values():
        assert "agreement among people, not a limit" in row.note


def test_reads_the_panel_that_clean_writes(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["test-1", "test-2"], "text": ["a good film", "bad"], "label": [3, 0]})
    splits = {name: rows.assign(id=[f"{name}-1", f"{name}-2"]) for name in ("dev", "test")}
    splits = {name: frame.assign(ratings=[[2, 3, 2], [-3, -3, -4]]) for name, frame in splits.items()}
    others = pd.DataFrame({"text": ["A good film ."], "label": [4]})
    path = tmp_path / "panel.parquet"
    write_panel(path, splits, others, SecondOpinion("sst5", "the SST-5 treebank"))
    found = ceiling(read_arrow(path), {"test-1": 3, "test-2": 0}, CLASSES, RULES)
    assert [(row.name, row.n) for row in found] == [
        (HELD_OUT, 2),
        (HALVES, 2),
        ("second panel (the SST-5 treebank)", 1),
    ]
    assert found[2].scores["mae"][0] == 1
