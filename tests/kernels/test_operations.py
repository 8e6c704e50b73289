"""Each compiled operation and its gradient, beside PyTorch's in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from finesent.kernels.library import Kernels
from finesent.kernels.operations import (
    Dropped,
    Heads,
    attention,
    attention_gradient,
    gelu,
    normalised_sum,
    normalised_sum_gradient,
)
from tests.kernels import naive

# Of the largest number, by which the type's rounding may put a result off.
NEAR = {torch.float32: 2e-6, torch.bfloat16: 8e-3}
TYPES = pytest.mark.parametrize("dtype", NEAR, ids=str)
EPSILON = 1e-5


def random(generator: torch.Generator, dtype: torch.dtype, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator).to(dtype)


def exact(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """The same numbers in float64, with gradient."""
    return [tensor.double().requires_grad_() for tensor in tensors]


def assert_near(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.shape == theirs.shape
    near = NEAR[ours.dtype] * max(1.0, float(theirs.detach().abs().max()))
    torch.testing.assert_close(ours.double(), theirs.detach(), rtol=0, atol=near)


def bits(number: float) -> int:
    return Dropped.of(number).zeroed


@TYPES
def test_gelu_and_its_slope(kernels: Kernels, dtype: torch.dtype) -> None:
    values = torch.linspace(-12, 12, 4801).to(dtype)
    slopes = torch.empty_like(values)
    output = gelu(kernels, values, slopes)
    (x,) = exact(values)
    expected = functional.gelu(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    assert_near(output, expected)
    assert_near(slopes, slope)
    assert torch.equal(gelu(kernels, values), output)


@TYPES
def test_gelu_of_what_is_no_number(kernels: Kernels, dtype: torch.dtype) -> None:
    strange = torch.tensor([math.nan, math.inf, -1e30, 1e30, 0.0] * 7, dtype=dtype)
    output = gelu(kernels, strange)[:5].float()
    assert output[0].isnan()
    assert output[1] == math.inf
    assert output[2].abs() < 1e-5
    assert output[3] == strange[3].float()
    assert output[4] == 0


@TYPES
@settings(max_examples=25)
@given(
    lines=st.integers(1, 40),
    width=st.integers(1, 200),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    seed=st.integers(0, 10**6),
)
def test_normalised_sum(
    kernels: Kernels, dtype: torch.dtype, lines: int, width: int, p: float, seed: int
) -> None:
    # What bf16 rounds of a few numbers may be most of their deviation.
    assume(dtype is torch.float32 or width >= 32)
    generator = torch.Generator().manual_seed(seed)
    branch, residual, above = (random(generator, dtype, lines, width) for _ in range(3))
    weight, bias = (random(generator, dtype, width) for _ in range(2))
    dropped = Dropped(bits(p), seed)
    output, made = normalised_sum(kernels, branch, residual, weight, bias, 0.1, dropped)
    gradients = normalised_sum_gradient(kernels, above, made, weight)
    inputs = exact(branch, residual, weight, bias)
    factors = naive.factors(kernels, dropped, lines, width)
    expected = naive.normalised_sum(*inputs, 0.1, factors if p else 1.0)
    for ours, theirs in zip(
        (output, *gradients), (expected, *torch.autograd.grad(expected, inputs, above.double())), strict=True
    ):
        assert_near(ours, theirs)
    without, _ = normalised_sum(kernels, branch, residual, weight, bias, 0.1, dropped, keep=False)
    assert torch.equal(without, output)


@TYPES
@settings(max_examples=40)
@given(
    rows=st.integers(1, 4),
    count=st.integers(1, 4),
    tokens=st.integers(1, 70),
    depth=st.integers(1, 70),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    masked=st.sampled_from(["nothing", "padding", "anything"]),
    seed=st.integers(0, 10**6),
)
def test_attention(
    kernels: Kernels,
    dtype: torch.dtype,
    rows: int,
    count: int,
    tokens: int,
    depth: int,
    p: float,
    masked: str,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    query, key, value, above = (random(generator, dtype, rows * tokens, count * depth) for _ in range(4))
    seen = mask(generator, masked, rows, tokens)
    dropped = Dropped(bits(p), seed)
    heads = Heads(rows, count, depth**-0.5, seen, dropped)
    output, softmax = attention(kernels, heads, query, key, value)
    gradients = attention_gradient(kernels, heads, above, softmax, query, key, value)
    inputs = exact(query, key, value)
    factors = naive.attention_factors(kernels, dropped, rows, count, tokens) if p else 1.0
    expected = naive.attention(*inputs, count, rows, heads.scaling, seen, factors)
    for ours, theirs in zip(
        (output, *gradients), (expected, *torch.autograd.grad(expected, inputs, above.double())), strict=True
    ):
        assert_near(ours, theirs)


def mask(generator: torch.Generator, kind: str, rows: int, tokens: int) -> torch.Tensor | None:
    """Padding behind each row, as one line for all queries; or any mask by which each query sees itself."""
    if kind == "nothing":
        return None
    if kind == "padding":
        lengths = torch.randint(1, tokens + 1, (rows, 1, 1, 1), generator=generator)
        return (torch.arange(tokens) < lengths).expand(rows, 1, tokens, tokens)
    seen = torch.rand(rows, 1, tokens, tokens, generator=generator) < 0.5
    return seen | torch.eye(tokens, dtype=torch.bool)


def test_a_query_that_sees_nothing_takes_nothing(kernels: Kernels) -> None:
    query, key, value = (torch.randn(3, 4) for _ in range(3))
    seen = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    seen[0, 0, 1] = False
    heads = Heads(1, 1, 0.5, seen, Dropped(0, 0))
    output, softmax = attention(kernels, heads, query, key, value)
    assert torch.equal(output[1], torch.zeros(4))
    gradients = attention_gradient(kernels, heads, torch.ones(3, 4), softmax, query, key, value)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert torch.equal(gradients[0][1], torch.zeros(4))


@pytest.mark.parametrize("where", [0, 1, 2])
def test_what_is_no_number_is_not_hidden(kernels: Kernels, where: int) -> None:
    inputs = [torch.randn(3, 4) for _ in range(3)]
    inputs[where][1, 2] = math.nan
    output, _ = attention(kernels, Heads(1, 1, 0.5, None, Dropped(0, 0)), *inputs)
    assert output[1].isnan().any()
    branch = torch.randn(3, 4)
    branch[1, 2] = math.nan
    summed, _ = normalised_sum(
        kernels, branch, torch.randn(3, 4), torch.ones(4), torch.zeros(4), EPSILON, Dropped(0, 0)
    )
    assert summed[1].isnan().all()
    assert summed[[0, 2]].isfinite().all()


def test_the_generator_is_threefry(kernels: Kernels) -> None:
    # The known answer of Salmon et al.'s own code for a counter and a key of zeros.
    words = [0x9C6CA96A, 0xE17EAE66, 0xFC10ECD4, 0x5256A7D8]
    numbers = kernels.drawn(key=0, lines=1, width=128)
    assert [int(numbers[0, 32 * i]) | int(numbers[0, 32 * i + 1]) << 16 for i in range(4)] == words


def test_draws_are_even_and_differ_by_key_and_line(kernels: Kernels) -> None:
    numbers = kernels.drawn(key=7, lines=64, width=1000).astype(float)
    other = kernels.drawn(key=8, lines=64, width=1000).astype(float)
    # Five standard errors of the mean of so many even numbers.
    assert abs(numbers.mean() / 2**16 - 0.5) < 5 / math.sqrt(12 * numbers.size)
    assert abs((numbers < 0.1 * 2**16).mean() - 0.1) < 5 * math.sqrt(0.09 / numbers.size)
    assert np.abs(np.corrcoef(numbers) - np.eye(64)).max() < 6 / math.sqrt(1000)
    assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(numbers.size)
    # A line's draws do not depend on how many there are.
    assert (kernels.drawn(key=7, lines=2, width=300)[1] == numbers[1, :300]).all()


def test_the_key_comes_from_pytorchs_generator() -> None:
    torch.manual_seed(3)
    first, second = Dropped.of(0.1), Dropped.of(0.1)
    assert first.key != second.key
    torch.manual_seed(3)
    assert Dropped.of(0.1) == first
    before = torch.get_rng_state()
    assert Dropped.of(0.0) == Dropped(0, 0)
    assert torch.equal(torch.get_rng_state(), before)
