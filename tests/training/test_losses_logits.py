"""Losses of logits against naive float64 loops over their formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from finesent.errors import FinesentError
from finesent.training.losses.base import LossInputs, TrainingData
from tests.training.loss_inputs import make, random_inputs

SEEDS = range(5)
LABELS = np.array([0] * 6 + [1] * 2 + [2] * 4 + [3] * 3 + [4] * 5)


def rows_of(inputs: LossInputs) -> list[tuple[list[float], int]]:
    """Each row's softmax, in plain Python, and its label."""
    found = []
    for logits, label in zip(inputs.logits.tolist(), inputs.labels.tolist(), strict=True):
        powers = [math.exp(value) for value in logits]
        found.append(([power / sum(powers) for power in powers], label))
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy(seed: int, smoothing: float) -> None:
    inputs = random_inputs(seed)
    expected = []
    for p, label in rows_of(inputs):
        target = [(1 - smoothing) * (c == label) + smoothing / 5 for c in range(5)]
        expected.append(-sum(q * math.log(p_c) for q, p_c in zip(target, p, strict=True)))
    value = make("cross-entropy", label_smoothing=smoothing)(inputs)
    assert float(value) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["cross-entropy", "focal"])
def test_class_weights(seed: int, name: str) -> None:
    inputs = random_inputs(seed)
    own = [0.5, 1.0, 2.0, 3.0, 0.25]
    balanced = [20 / (5 * count) for count in (6, 2, 4, 3, 5)]
    for weights, chosen in ((own, own), (balanced, "balanced")):
        loss = make(name, class_weights=chosen)
        loss.prepare(TrainingData(LABELS, 5), "test")
        expected = []
        for p, label in rows_of(inputs):
            discount = (1 - p[label]) ** 2 if name == "focal" else 1.0
            expected.append(-weights[label] * discount * math.log(p[label]))
        assert float(loss(inputs)) == pytest.approx(mean(expected), abs=1e-6)


def test_balanced_weights_are_one_on_average_over_the_training_rows() -> None:
    loss = make("cross-entropy", class_weights="balanced")
    loss.prepare(TrainingData(LABELS, 5), "test")
    # With equal logits every row's cross-entropy is log 5, so that the loss is log 5 times the mean weight.
    inputs = LossInputs(torch.zeros(20, 5), torch.from_numpy(LABELS), torch.zeros(20, 1))
    assert float(loss(inputs)) == pytest.approx(math.log(5), rel=1e-6)


def test_one_weight_a_class_is_needed() -> None:
    with pytest.raises(FinesentError, match=r"x\.class_weights: has 2 weights, and the data has 5 classes"):
        make("focal", class_weights=[1.0, 2.0]).prepare(TrainingData(LABELS, 5), "x")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 3.0])
def test_focal(seed: int, gamma: float) -> None:
    inputs = random_inputs(seed)
    expected = [-((1 - p[label]) ** gamma) * math.log(p[label]) for p, label in rows_of(inputs)]
    assert float(make("focal", gamma=gamma)(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gold", [0.0, 0.3, 1.0])
def test_soft_labels(seed: int, gold: float) -> None:
    inputs = random_inputs(seed)
    assert inputs.soft_labels is not None
    unrated = inputs.soft_labels.clone()
    unrated[2] = math.nan
    expected = []
    for number, (p, label) in enumerate(rows_of(inputs)):
        shares = unrated[number].tolist()
        target = [gold * (c == label) + (1 - gold) * shares[c] for c in range(5)]
        if number == 2:
            target = [float(c == label) for c in range(5)]
        expected.append(-sum(q * math.log(p_c) for q, p_c in zip(target, p, strict=True)))
    value = make("soft-labels", gold=gold)(replace(inputs, soft_labels=unrated))
    assert float(value) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("soft", [None, np.full((20, 5), np.nan)])
def test_soft_labels_need_ratings(soft: np.ndarray | None) -> None:
    with pytest.raises(FinesentError, match=r"a\.losses\.soft-labels: .*no soft labels"):
        make("soft-labels").prepare(TrainingData(LABELS, 5, soft), "a.losses.soft-labels")


def test_some_ratings_are_enough() -> None:
    soft = np.full((20, 5), np.nan)
    soft[3] = 0.2
    make("soft-labels").prepare(TrainingData(LABELS, 5, soft), "test")


@pytest.mark.parametrize("seed", SEEDS)
def test_coral(seed: int) -> None:
    inputs = random_inputs(seed)
    expected = []
    for p, label in rows_of(inputs):
        total = 0.0
        for k in range(4):
            above = sum(p[k + 1 :])
            total -= math.log(above) if label > k else math.log(1 - above)
        expected.append(total)
    assert float(make("coral")(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_emd(seed: int) -> None:
    inputs = random_inputs(seed)
    expected = [sum((sum(p[: k + 1]) - (label <= k)) ** 2 for k in range(5)) for p, label in rows_of(inputs)]
    assert float(make("emd")(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_oll(seed: int, alpha: float) -> None:
    inputs = random_inputs(seed)
    expected = [
        -sum(abs(c - label) ** alpha * math.log(1 - p[c]) for c in range(5)) for p, label in rows_of(inputs)
    ]
    assert float(make("oll", alpha=alpha)(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sharpness", [0.5, 2.0])
def test_soft_ordinal(seed: int, sharpness: float) -> None:
    inputs = random_inputs(seed)
    expected = []
    for p, label in rows_of(inputs):
        raw = [math.exp(-sharpness * abs(c - label)) for c in range(5)]
        expected.append(-sum(q / sum(raw) * math.log(p_c) for q, p_c in zip(raw, p, strict=True)))
    assert float(make("soft-ordinal", sharpness=sharpness)(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_r_drop(seed: int) -> None:
    inputs = random_inputs(seed)
    assert inputs.second is not None
    again = replace(inputs, logits=inputs.second.logits)
    expected = []
    for (one, _), (two, _) in zip(rows_of(inputs), rows_of(again), strict=True):
        there = sum(a * math.log(a / b) for a, b in zip(one, two, strict=True))
        back = sum(b * math.log(b / a) for a, b in zip(one, two, strict=True))
        expected.append((there + back) / 2)
    assert float(make("r-drop")(inputs)) == pytest.approx(mean(expected), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("epsilon", [0.1, 2.0])
def test_fgm(seed: int, epsilon: float) -> None:
    inputs = random_inputs(seed)
    expected = []
    for logits, (p, label) in zip(inputs.logits.tolist(), rows_of(inputs), strict=True):
        # The gradient of a row's cross-entropy with respect to its logits is p - [c = label].
        gradient = [p[c] - (c == label) for c in range(5)]
        norm = math.sqrt(sum(g * g for g in gradient))
        after = [2 * (x + epsilon * g / norm) ** 2 for x, g in zip(logits, gradient, strict=True)]
        expected.append(math.log(sum(math.exp(value) for value in after)) - after[label])
    assert float(make("fgm", epsilon=epsilon)(inputs)) == pytest.approx(mean(expected), abs=1e-9)


ORDINAL = ["coral", "emd", "oll", "soft-ordinal"]


@pytest.mark.parametrize("name", ORDINAL)
def test_an_ordinal_loss_punishes_distant_mistakes_more(name: str) -> None:
    loss, label = make(name), torch.tensor([0])
    sure = [torch.eye(5)[[wrong]] * 6 for wrong in range(5)]
    values = [float(loss(LossInputs(logits, label, torch.zeros(1, 1)))) for logits in sure]
    assert values == sorted(values)
    assert len(set(values)) == 5


@pytest.mark.parametrize("name", ORDINAL)
def test_an_ordinal_loss_alone_teaches_the_largest_logit_to_be_the_label(name: str) -> None:
    labels = torch.arange(5)
    logits = nn.Parameter(torch.zeros(5, 5))
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        torch.autograd.backward(make(name)(LossInputs(logits, labels, torch.zeros(5, 1))))
        optimizer.step()
    assert logits.argmax(dim=1).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("focal", {"gamma": -1.0}, "gamma"),
        ("cross-entropy", {"label_smoothing": 1.0}, "label_smoothing"),
        ("cross-entropy", {"class_weights": "even"}, "class_weights"),
        ("cross-entropy", {"class_weights": [1.0, 0.0]}, "class_weights"),
        ("soft-labels", {"gold": 1.5}, "gold"),
        ("oll", {"alpha": 0.0}, "alpha"),
    ],
)
def test_impossible_params_are_refused(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(FinesentError, match=message):
        make(name, **params)
