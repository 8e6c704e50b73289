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
from tests.kernels.test_operations import TYPES, assert_near, bits, exact, random, starts_of

WORDS, POSITIONS = 11, 9


@TYPES
@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, POSITIONS), min_size=1, max_size=5),
    width=st.integers(32, 70),
    p=st.sampled_from([0.0, 0.1, 0.9]),
    first=st.integers(0, 2),
    padding=st.sampled_from([None, 0]),
    sparse=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_embeddings(
    kernels: Kernels,
    dtype: torch.dtype,
    lengths: list[int],
    width: int,
    p: float,
    first: int,
    padding: int | None,
    sparse: bool,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens, starts = sum(lengths), starts_of(lengths)
    ids = torch.randint(WORDS, (tokens,), generator=generator)
    # Numbers that bf16 holds, so that the table is the same in either type.
    table = random(generator, torch.bfloat16, WORDS, width).float().requires_grad_()
    shapes = [(POSITIONS + 2, width), (2, width), (width,), (width,)]
    weights = [random(generator, dtype, *shape).requires_grad_() for shape in shapes]
    above = random(generator, dtype, tokens, width)
    dropped = Dropped(bits(p), seed)
    output = embedded(ids, starts, table, Settings(kernels, padding, sparse, 0.1, dropped, first), weights)
    found = torch.autograd.grad(output, [table, *weights], above)
    inputs = exact(table.detach(), *(weight.detach() for weight in weights))
    words, positions, types, weight, bias = inputs
    looked_up = functional.embedding(ids, words, padding_idx=padding)
    summed = looked_up + torch.cat([positions[first : first + length] for length in lengths]) + types[0]
    factors = naive.factors(kernels, dropped, tokens, width) if p else 1.0
    expected = functional.layer_norm(summed, (width,), weight, bias, 0.1) * factors
    wanted = torch.autograd.grad(expected, inputs, above.double())
    assert output.dtype == dtype
    scale = float(torch.as_tensor(factors).max())
    assert_near(output / scale, expected / scale)
    assert found[0].is_sparse == sparse
    # The table's gradient is float32 however the others are rounded; what it is made of is not.
    to_table = found[0].to_dense().to(dtype)
    for ours, theirs in zip((to_table, *found[1:]), wanted, strict=True):
        assert_near(ours / scale, theirs / scale, terms=tokens)


def test_a_row_that_pads_learns_nothing(kernels: Kernels) -> None:
    ids, table = torch.tensor([3, 0, 0, 0]), torch.randn(5, 8, requires_grad=True)
    weights = (torch.randn(4, 8), torch.randn(2, 8), torch.ones(8), torch.zeros(8))
    settings = Settings(kernels, 0, True, 1e-5, Dropped(0, 0))
    output = embedded(ids, starts_of([2, 2]), table, settings, weights)
    (gradient,) = torch.autograd.grad(output[..., :3].sum(), table)
    assert gradient.coalesce().indices().tolist() == [[3]]


def test_frozen_words_below_weights_that_learn(kernels: Kernels) -> None:
    table, weight = torch.randn(5, 8), torch.ones(8, requires_grad=True)
    weights = (torch.randn(4, 8), torch.randn(2, 8), weight, torch.zeros(8))
    settings = Settings(kernels, None, True, 1e-5, Dropped(0, 0))
    embedded(torch.tensor([1, 2]), starts_of([2]), table, settings, weights).sum().backward()
    assert weight.grad is not None
    assert table.grad is None


@pytest.mark.parametrize(
    ("ids", "said"),
    [([0, 5], "an id of 5; words: 5"), ([-1], "an id of -1"), ([0] * 5, "5 tokens; positions: 4")],
    ids=["beyond", "below", "long"],
)
def test_what_is_not_there_is_not_looked_up(kernels: Kernels, ids: list[int], said: str) -> None:
    weights = (torch.randn(4, 8), torch.randn(2, 8), torch.ones(8), torch.zeros(8))
    settings = Settings(kernels, None, True, 1e-5, Dropped(0, 0))
    with pytest.raises(IndexError, match=said):
        embedded(torch.tensor(ids), starts_of([len(ids)]), torch.randn(5, 8), settings, weights)


def test_computing_with_copies_gives_the_weights_their_gradient(kernels: Kernels) -> None:
    settings = Settings(kernels, None, False, 1e-5, Dropped(0, 0))
    table = torch.randn(5, 8, requires_grad=True)
    weights = [torch.randn(*shape, requires_grad=True) for shape in ((4, 8), (2, 8), (8,), (8,))]
    copies = [weight.detach().bfloat16() for weight in weights]
    ids, starts, above = torch.tensor([1, 4, 1]), starts_of([2, 1]), torch.randn(3, 8).bfloat16()
    found = embedded(ids, starts, table, settings, weights, copies)
    learning = [copy.requires_grad_() for copy in copies]
    wanted = embedded(ids, starts, table, settings, learning)
    assert torch.equal(found, wanted)
    gradients = torch.autograd.grad(found, [table, *weights], above)
    expected = torch.autograd.grad(wanted, [table, *learning], above)
    for ours, theirs in zip(gradients, expected, strict=True):
        assert torch.equal(ours, theirs.float())
