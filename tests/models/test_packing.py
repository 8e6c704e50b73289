"""Rows one behind the other, and back again."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from finesent.models.packing import Packing, filled_up

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=9)


def mask_of(lengths: list[int]) -> torch.Tensor:
    return (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()


def packing_of(lengths: list[int]) -> Packing:
    found = Packing.of(mask_of(lengths))
    assert found is not None
    return found


@given(lengths=LENGTHS)
def test_tokens_stand_row_by_row_and_are_filled_up(lengths: list[int]) -> None:
    mask, packing = mask_of(lengths), packing_of(lengths)
    ids = torch.randint(5, 99, mask.shape)
    packed = packing.packed(ids * mask, filler=3)
    assert len(packed) == packing.tokens == filled_up(sum(lengths))
    assert packed.tolist() == ids[mask.bool()].tolist() + [3] * (packing.tokens - sum(lengths))
    starts = packing.starts.tolist()
    assert starts[0] == 0
    assert starts[-1] == packing.tokens
    sizes = [end - start for start, end in pairwise(starts)]
    assert sizes == lengths + [1] * (packing.tokens - sum(lengths))


@given(lengths=LENGTHS, seed=st.integers(0, 10**6))
def test_states_go_back_to_where_they_stood(lengths: list[int], seed: int) -> None:
    mask, packing = mask_of(lengths), packing_of(lengths)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(packing.tokens, 4, generator=generator, requires_grad=True)
    padded = packing.padded(states)
    wanted = torch.zeros(*mask.shape, 4)
    wanted[mask.bool()] = states.detach()[: packing.real]
    assert torch.equal(padded, wanted)
    above = torch.randn(padded.shape, generator=generator)
    (found,) = torch.autograd.grad(padded, states, above)
    assert torch.equal(found[: packing.real], above[mask.bool()])
    assert not found[packing.real :].any()


def test_padding_before_a_token_is_not_taken_out() -> None:
    assert Packing.of(torch.tensor([[0, 1, 1], [1, 1, 1]])) is None
    assert Packing.of(torch.tensor([[1, 0, 1]])) is None
    # Nor is it missed where a row has nothing else.
    found = Packing.of(torch.tensor([[0, 0], [1, 1]]))
    assert found is not None
    assert found.starts[:3].tolist() == [0, 0, 2]


@given(tokens=st.integers(1, 20_000))
def test_numbers_of_tokens_are_few_and_little_is_filled_up(tokens: int) -> None:
    found = filled_up(tokens)
    assert tokens <= found
    assert found - tokens <= max(7, tokens / 32)
    assert filled_up(found) == found


def test_so_many_numbers_of_tokens_there_are() -> None:
    assert len({filled_up(tokens) for tokens in range(256, 2048)}) <= 3 * 32 + 1
