"""Contrastive and batch-hard losses: their formulas, a public library's values, anchors without partners."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from finesent.errors import FinesentError
from finesent.training.losses.base import LossInputs, TrainingData
from tests.training.loss_inputs import make, random_inputs

SEEDS = range(4)
Vector = list[float]


def scaled(vector: Vector) -> Vector:
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def anchors_of(inputs: LossInputs, normalise: bool, second_view: bool) -> tuple[list[Vector], list[int]]:
    vectors, labels = inputs.features.tolist(), inputs.labels.tolist()
    if second_view:
        assert inputs.second is not None
        vectors, labels = vectors + inputs.second.features.tolist(), labels * 2
    return [scaled(v) for v in vectors] if normalise else vectors, labels


def contrastive(
    vectors: list[Vector], labels: list[int], temperature: float, weights: list[Vector] | None = None
) -> float:
    """The mean over anchors with a positive, from the sums as they are printed."""
    values = []
    for i, anchor in enumerate(vectors):
        others = [k for k in range(len(vectors)) if k != i]
        positives = [p for p in others if labels[p] == labels[i]]
        if not positives:
            continue
        w = weights[i] if weights else [1.0] * (max(labels) + 1)
        bottom = sum(w[labels[k]] * math.exp(dot(anchor, vectors[k]) / temperature) for k in others)
        logs = [math.log(math.exp(dot(anchor, vectors[p]) / temperature) / bottom) for p in positives]
        values.append(-w[labels[i]] / len(positives) * sum(logs))
    return sum(values) / len(values) if values else 0.0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("second_view", [False, True])
@pytest.mark.parametrize(("normalise", "temperature"), [(True, 0.3), (False, 10.0)])
def test_scl(seed: int, second_view: bool, normalise: bool, temperature: float) -> None:
    inputs = random_inputs(seed, batch=9)
    loss = make("scl", temperature=temperature, normalise=normalise, second_view=second_view)
    expected = contrastive(*anchors_of(inputs, normalise, second_view), temperature)
    assert float(loss(inputs)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("second_view", [False, True])
@pytest.mark.parametrize(("normalise", "temperature"), [(True, 0.3), (False, 10.0)])
def test_lcl(seed: int, second_view: bool, normalise: bool, temperature: float) -> None:
    inputs = random_inputs(seed, batch=9)
    assert isinstance(inputs.module, torch.nn.Linear)
    loss = make("lcl", temperature=temperature, normalise=normalise, second_view=second_view)
    # The weighting network reads features as they are, normalised or not.
    raw, labels = anchors_of(inputs, False, second_view)
    weights, own = [], []
    for vector, label in zip(raw, labels, strict=True):
        rows = zip(inputs.module.weight.tolist(), inputs.module.bias.tolist(), strict=True)
        powers = [math.exp(dot(row, vector) + bias) for row, bias in rows]
        weights.append([power / sum(powers) for power in powers])
        own.append(-math.log(weights[-1][label]))
    vectors, _ = anchors_of(inputs, normalise, second_view)
    expected = contrastive(vectors, labels, temperature, weights) + sum(own) / len(own)
    assert float(loss(inputs)) == pytest.approx(expected, abs=1e-9)


def test_lcl_teaches_its_weighting_network_by_cross_entropy_alone_and_not_the_encoder_through_it() -> None:
    inputs = random_inputs(1, batch=9)
    assert inputs.module is not None
    features = inputs.features.requires_grad_()
    for temperature in (0.3, 3.0):
        make("lcl", temperature=temperature)(inputs).backward()
    first, second = (p.grad for p in inputs.module.parameters())
    assert first is not None and second is not None
    twice = torch.nn.functional.cross_entropy(inputs.module(features.detach()), inputs.labels) * 2
    expected = torch.autograd.grad(twice, list(inputs.module.parameters()))
    assert torch.allclose(first, expected[0]) and torch.allclose(second, expected[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_weights_make_lcl_a_share_of_scl(seed: int) -> None:
    inputs = random_inputs(seed, batch=9)
    module = make("lcl").make_module(7, 5)
    assert module is not None
    torch.nn.init.zeros_(module.double().weight)
    torch.nn.init.zeros_(module.bias)
    plain = float(make("scl")(inputs))
    assert plain > 0
    # Weights of 1/5: the denominator is a fifth, each value a fifth; log 5 from the network.
    expected = (plain - math.log(5)) / 5 + math.log(5)
    assert float(make("lcl")(replace(inputs, module=module))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("distance", ["l2", "squared-l2"])
@pytest.mark.parametrize("normalise", [False, True])
def test_batch_hard(seed: int, distance: str, normalise: bool) -> None:
    inputs = random_inputs(seed, batch=9)
    vectors, labels = anchors_of(inputs, normalise, False)

    def apart(a: Vector, b: Vector) -> float:
        squared = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        return squared if distance == "squared-l2" else math.sqrt(squared)

    values = []
    for i, anchor in enumerate(vectors):
        same = [apart(anchor, v) for k, v in enumerate(vectors) if k != i and labels[k] == labels[i]]
        other = [apart(anchor, v) for k, v in enumerate(vectors) if labels[k] != labels[i]]
        if same and other:
            values.append(max(0.0, max(same) - min(other) + 0.7))
    loss = make("triplet", mining="batch-hard", distance=distance, normalise=normalise, margin=0.7)
    assert float(loss(inputs)) == pytest.approx(sum(values) / len(values), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_scl_is_the_public_librarys(seed: int) -> None:
    library = pytest.importorskip("pytorch_metric_learning.losses")
    inputs = random_inputs(seed, batch=12, classes=3)
    theirs = library.SupConLoss(temperature=0.3)(inputs.features, inputs.labels)
    assert float(make("scl", temperature=0.3)(inputs)) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_triplets_are_the_public_librarys(seed: int) -> None:
    library = pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning import distances, losses, miners, reducers

    assert library
    inputs = random_inputs(seed, batch=12, classes=3)
    distance = distances.LpDistance(normalize_embeddings=False)
    theirs = losses.TripletMarginLoss(margin=1.0, distance=distance, reducer=reducers.MeanReducer())
    hard = miners.BatchHardMiner(distance=distance)(inputs.features, inputs.labels)
    ours = make("triplet", distance="l2", mining="batch-hard")(inputs)
    assert float(ours) == pytest.approx(float(theirs(inputs.features, inputs.labels, hard)), abs=1e-6)

    assert inputs.companions is not None
    everything = torch.cat([inputs.features, inputs.companions[:, 0], inputs.companions[:, 1]])
    given = tuple(torch.arange(12) + 12 * part for part in range(3))
    # Labels are not looked at where the triplets are given.
    expected = theirs(everything, torch.zeros(36, dtype=torch.int64), given)
    assert float(make("triplet", distance="l2")(inputs)) == pytest.approx(float(expected), abs=1e-6)


PAIRED: list[tuple[str, dict[str, Any]]] = [("scl", {}), ("lcl", {}), ("triplet", {"mining": "batch-hard"})]


@pytest.mark.parametrize(("name", "params"), PAIRED)
def test_anchors_without_a_partner_are_passed_over_and_counted(name: str, params: dict[str, Any]) -> None:
    inputs = random_inputs(0, batch=5)
    loss, alone = make(name, **params), make(name, **params)
    value = loss(replace(inputs, labels=torch.tensor([0, 0, 1, 2, 3])))
    assert torch.isfinite(value)
    alone(replace(inputs, labels=torch.tensor([0, 0, 1, 1, 1])))
    assert loss.remark() == (
        f"60.0% of 5 anchors had no positive{' or no negative' * (name == 'triplet')} in their batch and were"
        " passed over"
    )
    assert loss.remark() is None
    assert alone.remark() is None


@pytest.mark.parametrize(("name", "params"), PAIRED)
def test_without_any_partner_the_features_get_no_gradient(name: str, params: dict[str, Any]) -> None:
    inputs = random_inputs(0, batch=5)
    inputs.features.requires_grad_()
    make(name, **params)(replace(inputs, labels=torch.arange(5))).backward()
    assert inputs.features.grad is not None
    assert not inputs.features.grad.any()


def test_a_second_view_gives_every_anchor_a_positive() -> None:
    inputs = replace(random_inputs(0, batch=5), labels=torch.arange(5))
    loss = make("scl", second_view=True)
    assert float(loss(inputs)) > 0
    assert loss.remark() is None


@pytest.mark.parametrize(("name", "params"), PAIRED)
def test_a_class_with_one_training_row_is_refused(name: str, params: dict[str, Any]) -> None:
    data = TrainingData(np.array([0, 0, 1, 2, 2]), 3)
    with pytest.raises(FinesentError, match=r"(?s)ablations\.a: class 1 has one training row.*more rows"):
        make(name, **params).prepare(data, "ablations.a")


def test_a_second_view_is_the_only_positive_that_a_single_row_needs() -> None:
    make("scl", second_view=True).prepare(TrainingData(np.array([0, 0, 1]), 2), "test")


def test_contrast_draws_a_class_together_and_classes_apart() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    near = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    far = near[[0, 2, 1, 3]]
    logits = torch.zeros(4, 2)
    assert float(make("scl")(LossInputs(logits, labels, near))) < float(
        make("scl")(LossInputs(logits, labels, far))
    )
