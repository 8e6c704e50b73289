"""Dropout: how much it zeroes, what is left, and from which generator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from finesent.models.dropout import Dropout, use_cheap_dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_p_and_the_mean_stays(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    ones = torch.ones(1000, 1000, dtype=dtype)
    dropped = Dropout(p).train()(ones)
    assert dropped.dtype == dtype
    # A million draws: four standard deviations are 0.002 at most.
    assert (dropped == 0).float().mean() == pytest.approx(p, abs=0.002)
    assert dropped[dropped != 0].unique().tolist() == [pytest.approx(1 / (1 - p), rel=0.004)]


def test_masks_are_independent_of_place() -> None:
    torch.manual_seed(1)
    kept = (Dropout(0.5).train()(torch.ones(4096, 64)) != 0).float()
    # Four numbers come out of one draw: neighbours must not go together.
    centred = kept - kept.mean()
    for step in (1, 2, 3, 4, 16):
        correlation = (centred[:, step:] * centred[:, :-step]).mean() / centred.var()
        assert abs(correlation) < 0.01


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.floats(0, 0.99))
def test_any_shape_comes_back_with_its_gradient(shape: list[int], p: float) -> None:
    values = torch.ones(shape, requires_grad=True)
    dropped = Dropout(p).train()(values)
    assert dropped.shape == values.shape
    dropped.sum().backward()
    # Of ones, the gradient is the mask with its scale, which is the output.
    assert values.grad is not None and torch.equal(values.grad, dropped.detach())


def test_eval_and_a_probability_of_zero_change_nothing() -> None:
    values = torch.randn(10)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0).train()(values) is values


def test_equal_seeds_give_equal_masks_and_calls_differ() -> None:
    dropout, ones = Dropout(0.5).train(), torch.ones(1000)
    torch.manual_seed(3)
    first, second = dropout(ones), dropout(ones)
    torch.manual_seed(3)
    assert torch.equal(dropout(ones), first)
    assert not torch.equal(first, second)


def test_every_dropout_of_a_module_is_replaced_in_its_mode() -> None:
    module = nn.Sequential(
        nn.Dropout(0.3), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)), nn.Dropout1d(0.2)
    )
    module[1].eval()
    use_cheap_dropout(module)
    assert isinstance(module[0], Dropout) and isinstance(module[1][1], Dropout)
    assert (module[0].p, module[0].training) == (0.3, True)
    assert (module[1][1].p, module[1][1].training) == (0.1, False)
    assert type(module[2]) is nn.Dropout1d
    assert "p=0.3" in str(module)
