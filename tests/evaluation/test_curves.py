"""What is drawn of an ablation: the numbers behind each plot, and the files that DVC reads."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from finesent.evaluation.curves import (
    Points,
    calibration,
    precision_recall,
    roc,
    thinned,
    write_plots,
)
from finesent.evaluation.metrics import calibration_error, probabilities, score
from finesent.evaluation.predictions import Predictions
from finesent.evaluation.summary import summarise

Make = Callable[..., Predictions]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def area(points: Points) -> float:
    return float(np.trapezoid(points.y, points.x))


def test_one_seed_is_as_calibrated_as_its_error_says(make: Make) -> None:
    split = make(seeds=(4,)).splits["test"]
    assert calibration_error(calibration(split)) == score(split.labels, split.logits[0]).ece


def test_calibration_pools_the_answers_of_all_seeds(make: Make) -> None:
    split = make().splits["test"]
    bins = calibration(split)
    assert sum(entry.n for entry in bins) == 3 * 60
    hits = sum(entry.n * entry.accuracy for entry in bins)
    assert hits == pytest.approx((split.predicted == split.labels).sum())
    assert [entry.confidence for entry in bins] == sorted(entry.confidence for entry in bins)


def test_areas_are_those_of_the_mean_probabilities(make: Make) -> None:
    predictions = make(items={"dev": 5, "test": 900})
    split = predictions.splits["test"]
    mean = probabilities(split.logits).mean(axis=0)
    recalls = precision_recall(split, predictions.labels)
    for number, (name, points) in enumerate(roc(split, predictions.labels).items()):
        positive = split.labels == number
        assert area(points) == pytest.approx(roc_auc_score(positive, mean[:, number]), abs=0.003)
        # Average precision is a sum of steps, the area one of trapezoids: near, not equal.
        expected = average_precision_score(positive, mean[:, number])
        assert area(recalls[name]) == pytest.approx(expected, abs=0.01)
        assert len(points.x) <= 200 and len(recalls[name].x) <= 200
        assert (points.x[0], points.y[0], points.x[-1], points.y[-1]) == (0, 0, 1, 1)
        assert recalls[name].x[0] == 0 and recalls[name].x[-1] == 1


def test_a_class_that_no_item_has_has_no_curve(make: Make) -> None:
    predictions = make()
    split = predictions.splits["test"]
    without = replace(split, labels=np.where(split.labels == 3, 2, split.labels))
    names = [name for name in predictions.labels if name != "positive"]
    assert list(roc(without, predictions.labels)) == names
    assert list(precision_recall(without, predictions.labels)) == names
    only = replace(split, labels=np.full(60, 3))
    assert roc(only, predictions.labels) == {}


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 2000), st.integers(2, 250))
def test_thinning_keeps_the_ends_and_leaves_no_gap(seed: int, count: int, most: int) -> None:
    generator = np.random.default_rng(seed)
    whole = Points(np.sort(generator.random(count)), generator.random(count))
    few = thinned(whole, most)
    assert len(few.x) <= max(2, most)
    assert (few.x[0], few.x[-1]) == (whole.x[0], whole.x[-1])
    along = np.concatenate([[0], np.cumsum(np.abs(np.diff(whole.x)) + np.abs(np.diff(whole.y)))])
    kept = along[np.isin(whole.x, few.x)]
    nearest = np.abs(along[:, None] - kept).min(axis=1)
    assert nearest.max() <= along[-1] / (most - 1) + 1e-9


def test_files_hold_what_is_drawn(make: Make, tmp_path: Path) -> None:
    predictions = make()
    write_plots(tmp_path, predictions)
    split = predictions.splits["test"]
    answers = rows(tmp_path / "confusion.csv")
    assert len(answers) == 3 * 60
    counts = Counter((row["actual"], row["predicted"]) for row in answers)
    confusion = summarise(predictions)["splits"]["test"]["confusion"]
    assert counts["1 negative", "2 neutral"] == confusion[1][2]
    assert sum(counts.values()) == np.sum(confusion)
    bins = rows(tmp_path / "calibration.csv")
    assert [int(row["n"]) for row in bins] == [entry.n for entry in calibration(split)]
    assert float(bins[0]["accuracy"]) == pytest.approx(calibration(split)[0].accuracy, abs=1e-6)
    for name, x, y, curves in (
        ("roc", "false_positive_rate", "true_positive_rate", roc(split, predictions.labels)),
        ("precision_recall", "recall", "precision", precision_recall(split, predictions.labels)),
    ):
        drawn = [row for row in rows(tmp_path / f"{name}.csv") if row["class"] == "very positive"]
        points = curves["very positive"]
        assert [float(row[x]) for row in drawn] == pytest.approx(points.x, abs=1e-6)
        assert [float(row[y]) for row in drawn] == pytest.approx(points.y, abs=1e-6)
        assert [int(row["point"]) for row in drawn] == list(range(len(points.x)))


def test_equal_predictions_give_equal_files(make: Make, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_plots(tmp_path / name, make())
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_more_than_ten_classes_still_sort_lowest_first(make: Make, tmp_path: Path) -> None:
    predictions = make()
    split = predictions.splits["test"]
    labels = [f"class {number}" for number in range(12)]
    wide = np.pad(split.logits, ((0, 0), (0, 0), (0, 7)), constant_values=-9)
    wide[0, 0, 11] = 99
    splits = {
        name: replace(
            split, ids=part.ids, labels=part.labels, words=part.words, logits=wide[:, : len(part.ids)]
        )
        for name, part in predictions.splits.items()
    }
    write_plots(tmp_path, replace(predictions, labels=labels, splits=splits))
    names = {row["predicted"] for row in rows(tmp_path / "confusion.csv")}
    assert {"00 class 0", "11 class 11"} <= names
    assert sorted(names, key=lambda name: int(name.split()[-1])) == sorted(names)
