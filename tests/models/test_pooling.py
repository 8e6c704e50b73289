"""Poolings against loops over the real tokens, and what of the reader learns."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finesent.models.heads import initialise
from finesent.models.pooling import POOLINGS, Attention
from finesent.models.reader import LayerMix, Reader
from finesent.params.ablation import Head

LENGTHS = [4, 2, 1]
LINEAR = Head(kind="linear", dropout=0.1)
BIGRU = Head(kind="bigru", dropout=0.1, hidden=3)
BILSTM = Head(kind="bilstm", dropout=0.1, hidden=3)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """States of three rows under their mask; padded places hold what must not be read."""
    mask = (torch.arange(4) < torch.tensor(LENGTHS)[:, None]).long()
    states = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    return torch.where(mask.unsqueeze(-1) == 1, states, 1e6), mask


def reader(pooling: str, head: Head = LINEAR, mix_layers: int = 1, directions: int = 2) -> Reader:
    made = Reader(pooling, head, 6, directions, mix_layers)
    made.initialise(torch.Generator().manual_seed(1))
    return made.eval()


def test_each_pooling_is_a_loop_over_real_tokens() -> None:
    states, mask = batch()
    for row, length in enumerate(LENGTHS):
        real = states[row, :length]
        assert torch.allclose(POOLINGS["mean"](states, mask)[row], real.mean(dim=0), atol=1e-6)
        assert torch.equal(POOLINGS["max"](states, mask)[row], torch.stack(list(real)).max(dim=0).values)
        assert torch.equal(POOLINGS["first"](states, mask)[row], real[0])


def test_attention_is_the_weighted_mean_of_its_formula() -> None:
    states, mask = batch()
    pool = Attention(6)
    initialise(pool, torch.Generator().manual_seed(2), spread=1.0)
    pooled = pool(states, mask)
    weight, bias, v = pool.project.weight.double(), pool.project.bias.double(), pool.score.weight.double()[0]
    for row, length in enumerate(LENGTHS):
        real = states[row, :length].double()
        scores = torch.stack([v @ torch.tanh(weight @ state + bias) for state in real])
        expected = sum(share * state for share, state in zip(scores.softmax(dim=0), real, strict=True))
        assert torch.allclose(pooled[row].double(), expected, atol=1e-5)


def test_attention_starts_close_to_the_mean() -> None:
    states, mask = batch()
    assert torch.allclose(reader("attention")([states], mask), POOLINGS["mean"](states, mask), atol=1e-2)


@given(st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3), st.floats(-2, 2, width=32))
def test_a_mix_of_layers_is_its_formula(scores: list[float], gamma: float) -> None:
    mix = LayerMix(3)
    with torch.no_grad():
        mix.scores.copy_(torch.tensor(scores))
        mix.gamma.fill_(gamma)
        layers = [torch.full((1, 2, 4), float(number)) for number in (1, 10, 100)]
        shares = torch.tensor(scores, dtype=torch.float64).softmax(dim=0)
        expected = gamma * (shares * torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)).sum()
        assert torch.allclose(mix(layers).double(), expected.expand(1, 2, 4), rtol=1e-5, atol=1e-4)


def test_a_mix_starts_as_the_mean_of_its_layers() -> None:
    states, mask = batch()
    mixed = reader("max", mix_layers=2)([states, 3 * states], mask)
    assert torch.allclose(mixed, POOLINGS["max"](2 * states, mask))


@pytest.mark.parametrize("pooling", ["first", "mean", "max", "final", "attention"])
@pytest.mark.parametrize("mix_layers", [1, 2])
def test_padding_changes_no_feature(pooling: str, mix_layers: int) -> None:
    require_padding_unread(reader(pooling, mix_layers=mix_layers), mix_layers)


@pytest.mark.parametrize("head", [BIGRU, BILSTM], ids=lambda head: head.kind)
@pytest.mark.parametrize("mix_layers", [1, 2])
def test_padding_changes_no_feature_of_a_recurrent_head(head: Head, mix_layers: int) -> None:
    made = reader("none", head, mix_layers)
    require_padding_unread(made, mix_layers)
    assert made([*[batch()[0]] * mix_layers], batch()[1]).shape == (3, 6)


def require_padding_unread(made: Reader, layers: int) -> None:
    states, mask = batch()
    more = torch.cat([states, torch.full((3, 5, 6), -1e6)], dim=1)
    more_mask = torch.cat([mask, torch.zeros(3, 5, dtype=torch.long)], dim=1)
    with torch.no_grad():
        assert torch.allclose(made([states] * layers, mask), made([more] * layers, more_mask), atol=1e-6)


@pytest.mark.parametrize("mix_layers", [1, 2])
@pytest.mark.parametrize(
    ("pooling", "head", "learns"),
    [
        ("first", LINEAR, False),
        ("mean", LINEAR, False),
        ("max", LINEAR, False),
        ("final", LINEAR, False),
        ("attention", LINEAR, True),
        ("none", BIGRU, True),
        ("none", BILSTM, True),
    ],
)
def test_only_what_has_weights_learns(pooling: str, head: Head, learns: bool, mix_layers: int) -> None:
    assert reader(pooling, head, mix_layers).learns is (learns or mix_layers > 1)


@pytest.mark.parametrize(("pooling", "head"), [("attention", LINEAR), ("none", BIGRU), ("none", BILSTM)])
def test_readers_start_alike_from_the_same_generator(pooling: str, head: Head) -> None:
    first = reader(pooling, head, 2)
    torch.rand(13)
    second = reader(pooling, head, 2)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
