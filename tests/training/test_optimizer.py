"""The one optimizer: groups that join late, moments that stay, state that comes back exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from finesent.params.ablation import LearningRate, Schedule
from finesent.training.optimizer import Optimizer


def make(model: nn.Module, weight_decay: float = 0.1) -> Optimizer:
    rates = LearningRate(head=0.1, backbone=0.01)
    return Optimizer(rates, weight_decay, Schedule(shape="constant", warmup=0.0), epochs=4)


def model() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict({"encoder": nn.Linear(3, 3), "head": nn.Linear(3, 2)})


def step(module: nn.ModuleDict, optimizer: Optimizer) -> None:
    optimizer.set_rates(0.5)
    torch.manual_seed(1)
    module["head"](module["encoder"](torch.randn(4, 3))).square().sum().backward()
    optimizer.step()


def named(module: nn.Module, prefix: str) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in module.named_parameters() if name.startswith(prefix)]


def test_head_and_encoder_have_their_rates_and_biases_no_decay() -> None:
    module = model()
    optimizer = make(module)
    optimizer.add(module.named_parameters(), started=0.0)
    optimizer.set_rates(0.0)
    by_name = {
        name: group
        for name, parameter in module.named_parameters()
        for group in optimizer.groups
        if any(parameter is other for other in group["params"])
    }
    assert by_name["head.weight"]["lr"] == 0.1
    assert by_name["encoder.weight"]["lr"] == 0.01
    assert by_name["head.weight"]["weight_decay"] == 0.1
    assert by_name["head.bias"]["weight_decay"] == 0
    assert optimizer.rate_of(head=True) == 0.1
    assert optimizer.rate_of(head=False) == 0.01


def test_a_late_group_leaves_the_moments_of_the_others_alone() -> None:
    module = model()
    optimizer = make(module)
    optimizer.add(named(module, "head."), started=0.0)
    assert optimizer.rate_of(head=False) == 0
    step(module, optimizer)
    before = {key: value.clone() for key, value in optimizer.state().items()}
    optimizer.add(module.named_parameters(), started=0.5)
    after = optimizer.state()
    assert {key: value for key, value in after.items() if key.startswith("head.")}.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)
    step(module, optimizer)
    assert float(optimizer.state()["head.weight|step"]) == 2
    assert float(optimizer.state()["encoder.weight|step"]) == 1


def test_restored_state_steps_on_bit_for_bit() -> None:
    first, second = model(), model()
    ours, theirs = make(first), make(second)
    ours.add(first.named_parameters(), started=0.0)
    step(first, ours)
    theirs.add(second.named_parameters(), started=0.0)
    second.load_state_dict(first.state_dict())
    theirs.load_state({key: value.clone() for key, value in ours.state().items()})
    for _ in range(3):
        step(first, ours)
        step(second, theirs)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_is_pytorchs_adamw() -> None:
    first, second = model(), model()
    ours = make(first, weight_decay=0.0)
    ours.add(first.named_parameters(), started=0.0)
    theirs = torch.optim.AdamW(
        [
            {"params": list(second["head"].parameters()), "lr": 0.1},
            {"params": list(second["encoder"].parameters()), "lr": 0.01},
        ],
        weight_decay=0.0,
    )
    for _ in range(5):
        step(first, ours)
        torch.manual_seed(1)
        second["head"](second["encoder"](torch.randn(4, 3))).square().sum().backward()
        theirs.step()
        theirs.zero_grad()
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


LEVELS = {"encoder.2.weight": 0, "encoder.2.bias": 0, "encoder.1.weight": 1, "encoder.1.bias": 1}
LEVELS |= {"encoder.0.weight": 2, "encoder.0.bias": 2}


def deep(layer_decay: float, levels: dict[str, int] | None = LEVELS) -> tuple[nn.ModuleDict, Optimizer]:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    module = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(3, 2)})
    rates = LearningRate(head=0.1, backbone=0.01, layer_decay=layer_decay)
    return module, Optimizer(rates, 0.1, Schedule(shape="constant", warmup=0.0), epochs=4, levels=levels)


def rates_by_name(module: nn.Module, optimizer: Optimizer) -> dict[str, float]:
    optimizer.set_rates(0.5)
    names = {parameter: name for name, parameter in module.named_parameters()}
    return {names[parameter]: group["lr"] for group in optimizer.groups for parameter in group["params"]}


@pytest.mark.parametrize("joins", [["head.", "encoder."], ["head.", "encoder.2", "encoder.1", "encoder.0"]])
def test_each_part_learns_slower_than_the_one_above_whenever_it_joins(joins: list[str]) -> None:
    module, optimizer = deep(layer_decay=0.5)
    for number, prefix in enumerate(joins):
        optimizer.add(named(module, prefix), started=number / 10)
    expected = {"head": 0.1, "encoder.2": 0.01, "encoder.1": 0.005, "encoder.0": 0.0025}
    assert rates_by_name(module, optimizer) == pytest.approx(
        {f"{part}.{kind}": rate for part, rate in expected.items() for kind in ("weight", "bias")}
    )
    assert optimizer.rate_of(head=False) == 0.0025
    assert optimizer.named == dict(module.named_parameters())


def test_without_decay_the_groups_are_those_of_an_optimizer_that_knows_no_levels() -> None:
    (one, ours), (two, theirs) = deep(1.0), deep(1.0, levels=None)
    for module, optimizer in ((one, ours), (two, theirs)):
        optimizer.add(named(module, "head."), started=0.0)
        optimizer.add(module.named_parameters(), started=0.5)
        step(module, optimizer)
        step(module, optimizer)
    assert [len(group["params"]) for group in ours.groups] == [1, 1, 3, 3]
    order = [[parameter.shape for parameter in optimizer.parameters] for optimizer in (ours, theirs)]
    assert order[0] == order[1]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_decayed_layers_come_back_exactly() -> None:
    (first, ours), (second, theirs) = deep(0.7), deep(0.7)
    ours.add(first.named_parameters(), started=0.0)
    step(first, ours)
    theirs.add(second.named_parameters(), started=0.0)
    second.load_state_dict(first.state_dict())
    theirs.load_state({key: value.clone() for key, value in ours.state().items()})
    step(first, ours)
    step(second, theirs)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
