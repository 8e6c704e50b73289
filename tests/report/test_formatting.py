"""Numbers as the page writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.evaluation.spreads import Spread
from finesent.report import formatting


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("accuracy", 0.53241, "53.24"),
        ("mae", 0.7071, "0.707"),
        ("quadratic_kappa", -0.0214, "−0.021"),
        ("accuracy", None, "–"),
        ("accuracy", math.nan, "–"),
        ("mae", math.inf, "–"),
    ],
)
def test_amounts_have_the_unit_of_their_metric(metric: str, value: float | None, expected: str) -> None:
    assert formatting.amount(metric, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.031, "+3.10"), (-0.0504, "−5.04"), (-0.000001, "+0.00"), (None, "–")]
)
def test_gains_carry_their_sign_and_zero_a_plus(value: float | None, expected: str) -> None:
    assert formatting.signed("accuracy", value) == expected


def test_one_seed_has_no_spread() -> None:
    assert formatting.spread("accuracy", Spread(mean=0.5, sd=0.01)) == "50.00 ± 1.00"
    assert formatting.spread("accuracy", Spread(mean=0.5, sd=None)) == "50.00"
    assert formatting.spread("accuracy", None) == "–"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.04, "0.0 s"),
        (59.96, "60.0 s"),
        (60, "1 min 0 s"),
        (766.2, "12 min 46 s"),
        (3599.7, "1 h 0 min"),
        (7325, "2 h 2 min"),
    ],
)
def test_durations_use_the_two_largest_units(seconds: float, expected: str) -> None:
    assert formatting.duration(seconds) == expected


def test_memory_changes_unit_at_one_gibibyte() -> None:
    assert formatting.memory(2**30 - 2**20) == "1,023 MiB"
    assert formatting.memory(3 * 2**29) == "1.5 GiB"
    assert formatting.memory(None) == "–"


@given(st.floats(), st.integers(0, 4))
def test_no_number_is_ever_a_word(value: float, decimals: int) -> None:
    assert not set(formatting.decimal(value, decimals)) & set("naife")


@pytest.mark.parametrize(
    ("names", "expected"), [([], ""), (["a"], "a"), ([0, 1], "0 and 1"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_prose(names: list[object], expected: str) -> None:
    assert formatting.listed(names) == expected
