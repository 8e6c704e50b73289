"""What the page shows of one ablation is what its predictions and its history say."""

from __future__ import annotations

import numpy as np
import pytest

from finesent.evaluation.curves import precision_recall, roc
from finesent.evaluation.metrics import confusion
from finesent.evaluation.predictions import Predictions, ScoredSplit
from finesent.report.details import details_of

LABELS = ["low", "middle", "high"]


@pytest.fixture
def predictions() -> Predictions:
    generator = np.random.default_rng(0)
    splits = {}
    for name, n in (("dev", 10), ("test", 70)):
        labels = generator.integers(0, 3, n)
        logits = generator.normal(size=(2, n, 3)).astype(np.float32)
        splits[name] = ScoredSplit([f"{name}-{i}" for i in range(n)], labels, labels + 1, logits)
    return Predictions("a", "made-up", LABELS, [0, 1], splits)


def test_details_are_of_test(predictions: Predictions) -> None:
    split = predictions.splits["test"]
    details = details_of(predictions, [])
    assert details.confusion == sum(confusion(split.labels, row, 3) for row in split.predicted).tolist()
    assert details.distances == pytest.approx(
        [np.mean(np.abs(split.predicted - split.labels) == apart) for apart in range(3)], abs=1e-6
    )
    assert [entry["label"] for entry in details.per_class] == LABELS
    assert sum(entry["n"] for entry in details.per_length_bin) == 70
    assert sum(entry["n"] for entry in details.calibration) == 140
    assert set(details.calibration[0]) == {"confidence", "accuracy", "n"}
    for shown, curves in ((details.roc, roc), (details.precision_recall, precision_recall)):
        expected = curves(split, LABELS)
        assert list(shown) == LABELS
        for name in LABELS:
            assert shown[name].x == pytest.approx(expected[name].x.tolist(), abs=6e-5)
            assert shown[name].y == pytest.approx(expected[name].y.tolist(), abs=6e-5)


def test_history_keeps_its_numbers_alone(predictions: Predictions) -> None:
    rows = [{"seed": 0, "dev_loss": 1.5, "device": "cpu", "precision": "float32"}]
    assert details_of(predictions, rows).history == [{"seed": 0, "dev_loss": 1.5}]
