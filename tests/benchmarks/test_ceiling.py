"""The ceiling is a speed, and the operations are counted as published."""

from __future__ import annotations

import math

import pytest
import torch

from benchmarks.ceiling import ceiling, training_operations


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_positive_and_finite(dtype: torch.dtype) -> None:
    found = ceiling(side=64, repeats=3, dtype=dtype)
    assert math.isfinite(found) and found > 0


def test_it_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    ceiling(side=8, repeats=1)
    assert torch.equal(torch.rand(2), expected)


def test_operations_of_a_linear_map() -> None:
    # One token through a 3 × 4 map: 2 · 12 forward, and twice that for the gradients of input and weight.
    assert training_operations(weights=12, tokens=1) == 24 + 48
