"""Holm's correction against a loop, of the definition."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.evaluation.multiple import holm


def naive(p_values: list[float]) -> list[float]:
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


@given(st.lists(st.floats(0, 1), max_size=12))
def test_matches_a_loop(p_values: list[float]) -> None:
    # statsmodels collects garbage in every call, which takes longer than the arithmetic.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: 0)
        assert holm(p_values) == pytest.approx(naive(p_values))
