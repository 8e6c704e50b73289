"""The triplet loss of drawn triplets against a naive float64 loop, and the draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from finesent.errors import FinesentError
from finesent.training.losses.base import LossInputs
from tests.training.loss_inputs import make, random_inputs


@pytest.mark.parametrize("distance", ["l2", "squared-l2"])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_triplet_is_its_formula(distance: str, normalise: bool, seed: int) -> None:
    inputs = random_inputs(seed)
    loss = make("triplet", distance=distance, normalise=normalise, margin=0.7)
    assert inputs.companions is not None
    expected = 0.0
    for anchor, (positive, negative) in zip(inputs.features.numpy(), inputs.companions.numpy(), strict=True):
        if normalise:
            anchor, positive, negative = (v / np.sqrt((v * v).sum()) for v in (anchor, positive, negative))
        p, n = ((anchor - positive) ** 2).sum(), ((anchor - negative) ** 2).sum()
        if distance == "l2":
            p, n = np.sqrt(p), np.sqrt(n)
        expected += max(0.0, p - n + 0.7)
    assert float(loss(inputs)) == pytest.approx(expected / 6, abs=1e-9)


def test_triplet_with_l2_is_pytorchs() -> None:
    inputs = random_inputs(9)
    assert inputs.companions is not None
    theirs = functional.triplet_margin_loss(
        inputs.features, inputs.companions[:, 0], inputs.companions[:, 1], margin=1.0, eps=0.0
    )
    assert float(make("triplet", distance="l2")(inputs)) == pytest.approx(float(theirs), abs=1e-9)


def test_triplet_gradient_is_finite_where_anchor_and_positive_coincide() -> None:
    features = torch.ones(1, 3, requires_grad=True)
    companions = torch.stack([features.detach(), torch.zeros(1, 3)], dim=1)
    loss = make("triplet", distance="l2", margin=5.0)
    loss(LossInputs(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), features, companions)).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 4), min_size=4, max_size=60))
def test_triplets_are_of_the_right_classes_and_never_the_anchor(seed: int, drawn: list[int]) -> None:
    # Two of each class that occurs, with a neighbour for each: the case in which every draw is possible.
    labels = np.array(sorted(set(drawn) | {min(drawn) + 1}) * 2 + drawn)
    if any(not ({c - 1, c + 1} & set(labels.tolist())) for c in labels.tolist()):
        return
    companions = make("triplet").draw_companions(labels, np.random.default_rng(seed))
    assert companions is not None
    positives, negatives = companions.T
    assert (labels[positives] == labels).all()
    assert (positives != np.arange(len(labels))).all()
    assert (np.abs(labels[negatives] - labels) == 1).all()


def test_every_other_row_of_the_class_can_be_the_positive_and_both_neighbours_the_negative() -> None:
    labels = np.array([0, 1, 1, 1, 2, 0, 2])
    seen: set[tuple[int, int]] = set()
    for seed in range(200):
        companions = make("triplet").draw_companions(labels, np.random.default_rng(seed))
        assert companions is not None
        seen.add((int(companions[1, 0]), int(companions[1, 1])))
    assert {positive for positive, _ in seen} == {2, 3}
    assert {negative for _, negative in seen} == {0, 4, 5, 6}


def test_a_class_with_one_row_has_no_positive() -> None:
    with pytest.raises(FinesentError, match="class 2 has one row"):
        make("triplet").draw_companions(np.array([1, 1, 2]), np.random.default_rng(0))


def test_a_class_without_neighbours_has_no_negative() -> None:
    with pytest.raises(FinesentError, match="neighbouring"):
        make("triplet").draw_companions(np.array([0, 0, 3, 3]), np.random.default_rng(0))
