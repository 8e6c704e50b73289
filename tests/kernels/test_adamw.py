"""The compiled AdamW, beside PyTorch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from finesent.kernels.adamw import CompiledAdamW
from finesent.kernels.library import Kernels
from tests.training.test_rowwise import HISTORY, Tabled, assert_alike

# More than a thread takes at once, by one, and fewer than a vector holds.
SIZES = [(1,), (5, 3), (1 << 14,), ((1 << 14) + 1,), (3, 20000)]


def parameters(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(size, generator=generator)) for size in SIZES]


def groups(weights: list[nn.Parameter]) -> list[dict[str, object]]:
    return [
        {"params": weights[:2], "lr": 0.1, "weight_decay": 0.0},
        {"params": weights[2:], "lr": 0.01, "weight_decay": 0.3},
    ]


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    absent=st.lists(st.sets(st.integers(0, len(SIZES) - 1)), min_size=1, max_size=6),
    half=st.sets(st.integers(0, len(SIZES) - 1)),
    factor=st.sampled_from([1.0, 0.3]),
)
def test_it_is_pytorchs(
    kernels: Kernels, seed: int, absent: list[set[int]], half: set[int], factor: float
) -> None:
    ours, theirs = parameters(seed), parameters(seed)
    compiled = CompiledAdamW(kernels, groups(ours))
    plain = torch.optim.AdamW(groups(theirs))
    generator = torch.Generator().manual_seed(seed + 1)
    for missing in absent:
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            gradient = torch.randn(one.shape, generator=generator)
            if number in half:
                gradient = gradient.bfloat16().float()
                one.grad_dtype = torch.bfloat16
            one.grad = None if number in missing else gradient.to(one.grad_dtype)
            other.grad = None if number in missing else gradient * factor
        squared = sum(float(p.grad.double().square().sum()) for p in ours if p.grad is not None)
        assert compiled.squares() == pytest.approx(squared, rel=1e-5)
        compiled.step(factor)
        plain.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        known = plain.state[other]
        assert compiled.state_of(one).keys() == known.keys()
        for name, value in compiled.state_of(one).items():
            torch.testing.assert_close(value, known[name], rtol=1e-5, atol=1e-8)


def test_state_comes_back(kernels: Kernels) -> None:
    ours, theirs = parameters(0), parameters(0)
    first, second = CompiledAdamW(kernels, groups(ours)), CompiledAdamW(kernels, groups(theirs))
    for _ in range(3):
        for weight in ours:
            weight.grad = weight.detach().sin()
        first.step()
    for one, other in zip(ours, theirs, strict=True):
        with torch.no_grad():
            other.copy_(one)
        second.load_state_of(other, {name: value.clone() for name, value in first.state_of(one).items()})
    for weights, optimizer in ((ours, first), (theirs, second)):
        for weight in weights:
            weight.grad = weight.detach().cos()
        optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_copies_follow(kernels: Kernels) -> None:
    weights = parameters(0)
    copies = {weights[2]: torch.zeros(SIZES[2], dtype=torch.bfloat16)}
    optimizer = CompiledAdamW(kernels, groups(weights), copies.get)
    for weight in weights:
        weight.grad = weight.detach().sin()
    optimizer.step()
    assert torch.equal(copies[weights[2]], weights[2].detach().bfloat16())


def test_more_gradients_count_in_the_norm(kernels: Kernels) -> None:
    weights = parameters(0)
    optimizer = CompiledAdamW(kernels, groups(weights))
    assert optimizer.squares() == 0
    weights[0].grad = torch.tensor([3.0])
    assert optimizer.squares([torch.tensor([4.0])]) == 25


def test_the_norm_is_that_of_any_number_of_threads(kernels: Kernels) -> None:
    weights = parameters(0)
    optimizer = CompiledAdamW(kernels, groups(weights))
    for weight in weights:
        weight.grad = weight.detach().sin()
    before, found = torch.get_num_threads(), set()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.add(optimizer.squares())
    torch.set_num_threads(before)
    assert len(found) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_shows_in_the_norm(kernels: Kernels, bad: float) -> None:
    weights = parameters(0)
    weights[4].grad = torch.zeros(SIZES[4])
    weights[4].grad[2, 19999] = bad
    assert not torch.tensor(CompiledAdamW(kernels, groups(weights)).squares()).isfinite()


@given(history=HISTORY, decay=st.sampled_from([0.0, 0.1]))
def test_rows_of_a_table_end_where_adamw_ends(
    kernels: Kernels, history: list[list[int]], decay: float
) -> None:
    ours, theirs = Tabled(), Tabled()
    rowwise, dense = ours.optimizer(True, decay, kernels), theirs.optimizer(False, decay)
    for number, rows in enumerate(history):
        found = ours.step(rowwise, rows, number / len(history))
        assert found == pytest.approx(theirs.step(dense, rows, number / len(history)), rel=1e-4, abs=1e-6)
    rowwise.settle()
    assert_alike(ours, theirs)
    state, wanted = rowwise.state(), dense.state()
    for name in state.keys() & wanted.keys():
        torch.testing.assert_close(state[name], wanted[name], rtol=2e-4, atol=1e-7)
