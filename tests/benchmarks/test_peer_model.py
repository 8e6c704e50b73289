"""The peers' model freezes and unfreezes as ours does: both train the same parts in the same epochs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.peers.model import Classifier, depth_at
from finesent.params.ablation import NeverUnfreeze, Unfreeze, UnfreezeAll, UnfreezeTopDown
from finesent.training import unfreezing

POLICIES: list[Unfreeze] = [
    NeverUnfreeze(policy="never"),
    UnfreezeAll(policy="all", after=0),
    UnfreezeAll(policy="all", after=3),
    UnfreezeTopDown(policy="top-down", after=1, every=1),
    UnfreezeTopDown(policy="top-down", after=0, every=2),
]


@pytest.fixture
def classifier(backbone: Path) -> Classifier:
    return Classifier(backbone, 3)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_as_much_of_the_encoder_learns_in_every_epoch_as_of_ours(policy: Unfreeze) -> None:
    for epoch in range(1, 12):
        expected = unfreezing.depth_at(epoch, policy, 7)
        assert depth_at(epoch, policy.model_dump(), 7) == expected, epoch


def learning(part: nn.Module) -> set[bool]:
    return {parameter.requires_grad for parameter in part.parameters()}


def test_the_uppermost_parts_learn_and_the_head_always_does(classifier: Classifier) -> None:
    parts = classifier.parts()
    for depth in range(len(parts) + 1):
        classifier.learn(depth)
        expected = [{number < depth} for number in range(len(parts))]
        assert [learning(part) for part in parts] == expected
        assert learning(classifier.head) == {True}


def test_a_frozen_encoder_has_no_dropout_while_its_head_has(classifier: Classifier) -> None:
    ids = torch.arange(5, 9).repeat(2, 1)
    classifier.learn(0)
    classifier.train()
    assert classifier.head.training
    first, second = (classifier.features(ids, torch.ones_like(ids)) for _ in range(2))
    assert torch.equal(first, second)
    classifier.learn(1)
    assert classifier.encoder.training
