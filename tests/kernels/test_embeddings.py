"""Embeddings in one step and their gradients, beside PyTorch's in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from finesent.kernels.embeddings import Settings, embedded
from finesent.kernels.library import Kernels
from finesent.kernels.operations import Dropped
from tests.kernels import naive
from tests.kernels.test_operations import TYPES, assert_near, bits, exact, random

WORDS, POSITIONS = 11, 9


@TYPES
@settings(max_examples=30)
@given(
    rows=st.integers(1, 5),
    tokens=st.integers(1, POSITIONS),
    width=st.integers(32, 70),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    padding=st.sampled_from([None, 0]),
    sparse=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_embeddings(
    kernels: Kernels,
    dtype: torch.dtype,
    rows: int,
    tokens: int,
    width: int,
    p: float,
    padding: int | None,
    sparse: bool,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(WORDS, (rows, tokens), generator=generator)
    # Numbers that bf16 holds, so that the table is the same in either type.
    table = random(generator, torch.bfloat16, WORDS, width).float().requires_grad_()
    shapes = [(POSITIONS, width), (2, width), (width,), (width,)]
    weights = [random(generator, dtype, *shape).requires_grad_() for shape in shapes]
    above = random(generator, dtype, rows, tokens, width)
    dropped = Dropped(bits(p), seed)
    output = embedded(ids, table, tuple(weights), Settings(kernels, padding, sparse, 0.1, dropped))
    found = torch.autograd.grad(output, [table, *weights], above)
    inputs = exact(table.detach(), *(weight.detach() for weight in weights))
    words, positions, types, weight, bias = inputs
    looked_up = functional.embedding(ids, words, padding_idx=padding)
    summed = looked_up + positions[:tokens] + types[0]
    factors = naive.factors(kernels, dropped, rows * tokens, width).view(rows, tokens, width) if p else 1.0
    expected = functional.layer_norm(summed, (width,), weight, bias, 0.1) * factors
    wanted = torch.autograd.grad(expected, inputs, above.double())
    assert output.dtype == dtype
    scale = float(torch.as_tensor(factors).max())
    assert_near(output / scale, expected / scale)
    assert found[0].is_sparse == sparse
    # The table's gradient is float32 however the others are rounded; what it is made of is not.
    to_table = found[0].to_dense().to(dtype)
    for ours, theirs in zip((to_table, *found[1:]), wanted, strict=True):
        assert_near(ours / scale, theirs / scale, terms=rows * tokens)


def test_a_row_that_pads_learns_nothing(kernels: Kernels) -> None:
    ids, table = torch.tensor([[3, 0], [0, 0]]), torch.randn(5, 8, requires_grad=True)
    weights = (torch.randn(4, 8), torch.randn(2, 8), torch.ones(8), torch.zeros(8))
    output = embedded(ids, table, weights, Settings(kernels, 0, True, 1e-5, Dropped(0, 0)))
    (gradient,) = torch.autograd.grad(output[..., :3].sum(), table)
    assert gradient.coalesce().indices().tolist() == [[3]]


def test_frozen_words_below_weights_that_learn(kernels: Kernels) -> None:
    table, weight = torch.randn(5, 8), torch.ones(8, requires_grad=True)
    weights = (torch.randn(4, 8), torch.randn(2, 8), weight, torch.zeros(8))
    settings = Settings(kernels, None, True, 1e-5, Dropped(0, 0))
    embedded(torch.tensor([[1, 2]]), table, weights, settings).sum().backward()
    assert weight.grad is not None
    assert table.grad is None


@pytest.mark.parametrize(
    ("ids", "said"),
    [([[0, 5]], "an id of 5; words: 5"), ([[-1]], "an id of -1"), ([[0] * 5], "5 tokens; positions: 4")],
    ids=["beyond", "below", "long"],
)
def test_what_is_not_there_is_not_looked_up(kernels: Kernels, ids: list[list[int]], said: str) -> None:
    weights = (torch.randn(4, 8), torch.randn(2, 8), torch.ones(8), torch.zeros(8))
    settings = Settings(kernels, None, True, 1e-5, Dropped(0, 0))
    with pytest.raises(IndexError, match=said):
        embedded(torch.tensor(ids), torch.randn(5, 8), weights, settings)
