"""The peers' model begins, freezes and unfreezes as ours does, and its parts learn at the same rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.peers.model import Classifier, depth_at
from benchmarks.peers.schedule import groups_of, schedule_of
from finesent.models.heads import HEADS, initialise
from finesent.params.ablation import (
    LearningRate,
    NeverUnfreeze,
    Schedule,
    Unfreeze,
    UnfreezeAll,
    UnfreezeTopDown,
)
from finesent.training import unfreezing
from finesent.training.optimizer import Optimizer

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
    assert [part.training for part in classifier.parts()] == [True] + [False] * (len(classifier.parts()) - 1)


def test_the_head_begins_as_ours(backbone: Path) -> None:
    torch.manual_seed(0)
    theirs = Classifier(backbone, 400).head
    ours = HEADS["linear-tanh-linear"](theirs[1].in_features, 400, 0.1)
    initialise(ours, torch.Generator().manual_seed(0))
    for (name, own), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert own.shape == other.shape
        assert own.std().item() == pytest.approx(other.std().item(), rel=0.1), name


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_what_learns_has_our_rates_and_decay_at_every_step(
    classifier: Classifier, policy: Unfreeze, warmup: float
) -> None:
    epochs, steps = 9, 4
    rates, schedule = LearningRate(head=1e-3, backbone=2e-4), Schedule(shape="linear", warmup=warmup)
    ablation = {
        "epochs": epochs,
        "learning_rate": rates.model_dump(),
        "weight_decay": 0.01,
        "unfreeze": policy.model_dump(),
    }
    groups = groups_of(classifier, ablation)
    assert sum(len(group["params"]) for group in groups) == len(list(classifier.parameters()))
    theirs = torch.optim.AdamW(groups)
    scheduler = schedule_of(theirs, schedule.model_dump(), epochs * steps)
    ours = Optimizer(rates, 0.01, schedule, epochs)
    for epoch in range(1, epochs + 1):
        classifier.learn(depth_at(epoch, policy.model_dump(), len(classifier.parts())))
        learning = [pair for pair in classifier.named_parameters() if pair[1].requires_grad]
        ours.add(learning, (epoch - 1) / epochs)
        for number in range(steps):
            ours.set_rates((epoch - 1 + number / steps) / epochs)
            expected, found = by_parameter(ours.groups), by_parameter(theirs.param_groups)
            for name, parameter in learning:
                assert found[parameter] == pytest.approx(expected[parameter], abs=1e-12), (
                    name,
                    epoch,
                    number,
                )
            theirs.step()
            scheduler.step()


def by_parameter(groups: list[dict[str, Any]]) -> dict[nn.Parameter, tuple[float, float]]:
    return {
        parameter: (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]
    }


def test_another_schedule_is_refused(classifier: Classifier) -> None:
    optimizer = torch.optim.AdamW([{"params": [*classifier.head.parameters()], "started": 0.0}])
    with pytest.raises(ValueError, match="the shape is cosine"):
        schedule_of(optimizer, {"shape": "cosine", "warmup": 0.0}, 10)
