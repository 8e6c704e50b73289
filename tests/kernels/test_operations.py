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
    gelu_gradient,
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


def assert_near(ours: torch.Tensor, theirs: torch.Tensor, terms: int = 1) -> None:
    """Within the rounding of the result, or of so many terms, which may be larger than their sum."""
    assert ours.shape == theirs.shape
    near = NEAR[ours.dtype] * max(1.0, float(theirs.detach().abs().max())) * math.sqrt(terms)
    torch.testing.assert_close(ours.double(), theirs.detach(), rtol=0, atol=near)


def starts_of(lengths: list[int]) -> torch.Tensor:
    """Where rows of these lengths start, one behind the other."""
    return torch.tensor([0, *lengths]).cumsum(0)


def bits(number: float) -> int:
    return Dropped.of(number).zeroed


@TYPES
def test_gelu_and_its_slope(kernels: Kernels, dtype: torch.dtype) -> None:
    values = torch.linspace(-12, 12, 4800).view(96, 50).to(dtype)
    slopes = torch.empty_like(values)
    output = gelu(kernels, values, slopes=slopes)
    (x,) = exact(values)
    expected = functional.gelu(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    assert_near(output, expected)
    assert_near(slopes, slope)
    assert torch.equal(gelu(kernels, values), output)


@TYPES
@given(lines=st.integers(1, 40), width=st.integers(1, 70), seed=st.integers(0, 10**6))
def test_gelu_with_a_bias(kernels: Kernels, dtype: torch.dtype, lines: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values, above = (random(generator, dtype, lines, width) for _ in range(2))
    bias = random(generator, dtype, width)
    slopes = torch.empty_like(values)
    output = gelu(kernels, values, bias, slopes)
    inputs = exact(values, bias)
    expected = functional.gelu(inputs[0] + inputs[1])
    to_values, to_bias = torch.autograd.grad(expected, inputs, above.double())
    found = above.clone()
    summed = gelu_gradient(kernels, found, slopes)
    assert_near(output, expected)
    assert_near(found, to_values)
    # The terms of a sum that may cancel out have been rounded, too.
    near = 2 * NEAR[dtype] * float(above.double().abs().sum(0).max())
    torch.testing.assert_close(summed.double(), to_bias, rtol=0, atol=near)


@TYPES
def test_gelu_of_what_is_no_number(kernels: Kernels, dtype: torch.dtype) -> None:
    strange = torch.tensor([math.nan, math.inf, -1e30, 1e30, 0.0] * 7, dtype=dtype)[None]
    output = gelu(kernels, strange)[0, :5].float()
    assert output[0].isnan()
    assert output[1] == math.inf
    assert output[2].abs() < 1e-5
    assert output[3] == strange[0, 3].float()
    assert output[4] == 0


@TYPES
@settings(max_examples=25)
@given(
    lines=st.integers(1, 40),
    width=st.integers(1, 200),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    shifted=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_normalised_sum(
    kernels: Kernels, dtype: torch.dtype, lines: int, width: int, p: float, shifted: bool, seed: int
) -> None:
    # What bf16 rounds of a few numbers may be most of their deviation.
    assume(dtype is torch.float32 or width >= 32)
    generator = torch.Generator().manual_seed(seed)
    branch, residual, above = (random(generator, dtype, lines, width) for _ in range(3))
    added, weight, bias = (random(generator, dtype, width) for _ in range(3))
    dropped = Dropped(bits(p), seed)
    given = (branch, added if shifted else None, residual, weight, bias, 0.1, dropped)
    output, made = normalised_sum(kernels, *given)
    found = normalised_sum_gradient(kernels, above, made, weight)
    inputs = exact(branch, added, residual, weight, bias)
    factors = naive.factors(kernels, dropped, lines, width)
    exactly = (inputs[0] + inputs[1] * shifted, *inputs[2:])
    expected = naive.normalised_sum(*exactly, 0.1, factors if p else 1.0)
    wanted = list(torch.autograd.grad(expected, inputs, above.double()))
    if not shifted:
        # It is the gradient of a zero that was not added.
        wanted[1] = wanted[0].sum(0)
    assert_near(output, expected)
    for ours, theirs in zip(vars(found).values(), wanted, strict=True):
        assert_near(ours, theirs, terms=lines)
    without, _ = normalised_sum(kernels, *given, keep=False)
    assert torch.equal(without, output)
    # As the sum of two.
    half = above / 2
    of_two = normalised_sum_gradient(kernels, half, made, weight, half)
    assert all(torch.equal(*both) for both in zip(vars(of_two).values(), vars(found).values(), strict=True))


@TYPES
@settings(max_examples=40)
@given(
    lengths=st.one_of(
        st.lists(st.integers(1, 70), min_size=1, max_size=4),
        st.builds(lambda rows, tokens: [tokens] * rows, st.integers(1, 4), st.integers(1, 70)),
    ),
    count=st.integers(1, 4),
    depth=st.integers(1, 70),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    masked=st.sampled_from(["nothing", "padding", "anything"]),
    together=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_attention(
    kernels: Kernels,
    dtype: torch.dtype,
    lengths: list[int],
    count: int,
    depth: int,
    p: float,
    masked: str,
    together: bool,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens = sum(lengths)
    query, key, value, above = (random(generator, dtype, tokens, count * depth) for _ in range(4))
    bias = random(generator, dtype, 3 * count * depth) if together else None
    parts = torch.cat([query, key, value], 1) if together else (query, key, value)
    seen = mask(generator, masked, len(lengths), max(lengths))
    dropped = Dropped(bits(p), seed)
    heads = Heads(starts_of(lengths), count, depth**-0.5, seen, dropped)
    output, softmax = attention(kernels, heads, parts, bias)
    gradients, to_bias = attention_gradient(kernels, heads, above, softmax, parts, bias)
    inputs = exact(query, key, value)
    added = [0.0] * 3 if bias is None else bias.double().chunk(3)
    summed = [(part + more).split(lengths) for part, more in zip(inputs, added, strict=True)]
    rows = []
    for number, (length, *row) in enumerate(zip(lengths, *summed, strict=True)):
        factors = naive.attention_factors(kernels, dropped, number, count, length) if p else 1.0
        own = None if seen is None else seen[number : number + 1, :, :length, :length]
        rows.append(naive.attention(*row, count, heads.scaling, own, factors))
    expected = torch.cat(rows)
    assert_near(output, expected)
    wanted = torch.autograd.grad(expected, inputs, above.double())
    for ours, theirs in zip(gradients.chunk(3, 1), wanted, strict=True):
        assert_near(ours, theirs, terms=max(lengths) + depth)
    assert_near(to_bias, torch.cat([each.sum(0) for each in wanted]), terms=tokens + depth)


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
    heads = Heads(starts_of([3]), 1, 0.5, seen, Dropped(0, 0))
    parts = query, key, value
    output, softmax = attention(kernels, heads, parts)
    assert torch.equal(output[1], torch.zeros(4))
    gradients, _ = attention_gradient(kernels, heads, torch.ones(3, 4), softmax, parts)
    assert gradients.isfinite().all()
    assert torch.equal(gradients[1, :4], torch.zeros(4))


@pytest.mark.parametrize("where", [0, 1, 2])
def test_what_is_no_number_is_not_hidden(kernels: Kernels, where: int) -> None:
    inputs = [torch.randn(3, 4) for _ in range(3)]
    inputs[where][1, 2] = math.nan
    output, _ = attention(kernels, Heads(starts_of([3]), 1, 0.5, None, Dropped(0, 0)), inputs)
    assert output[1].isnan().any()
    branch = torch.randn(3, 4)
    branch[1, 2] = math.nan
    summed, _ = normalised_sum(
        kernels, branch, None, torch.randn(3, 4), torch.ones(4), torch.zeros(4), EPSILON, Dropped(0, 0)
    )
    assert summed[1].isnan().all()
    assert summed[[0, 2]].isfinite().all()


def test_the_generator_is_threefry(kernels: Kernels) -> None:
    # The known answer of Salmon et al.'s own code, of 13 rounds, for a counter and a key of zeros.
    words = [0x531C7E4F, 0x39491EE5, 0x2C855A92, 0x3D6ABF9A]
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
