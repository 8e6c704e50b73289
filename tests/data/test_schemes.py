"""Reading a finer class scheme as a coarser one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.schemes import coarser


def test_the_three_readings() -> None:
    assert coarser(5, 3) == (0, 0, 1, 2, 2)
    assert coarser(5, 2) == (0, 0, None, 1, 1)
    assert coarser(3, 2) == (0, None, 1)


@given(classes=st.integers(2, 40))
def test_equal_numbers_are_left_as_they_are(classes: int) -> None:
    assert coarser(classes, classes) == tuple(range(classes))


@pytest.mark.parametrize(("own", "wanted"), [(5, 3), (5, 2), (3, 2)])
def test_order_and_symmetry_are_kept_and_every_class_is_reached(own: int, wanted: int) -> None:
    mapped = coarser(own, wanted)
    kept = [label for label in mapped if label is not None]
    assert all(low <= high for low, high in pairwise(kept))
    assert set(kept) == set(range(wanted))
    mirrored = tuple(None if label is None else wanted - 1 - label for label in reversed(mapped))
    assert mirrored == mapped


def test_going_by_way_of_three_classes_gives_the_same_two() -> None:
    by_way = tuple(None if label is None else coarser(3, 2)[label] for label in coarser(5, 3))
    assert by_way == coarser(5, 2)


@pytest.mark.parametrize(("own", "wanted"), [(2, 3), (3, 5), (2, 5), (4, 2), (4, 3), (7, 5), (5, 4), (5, 1)])
def test_impossible_readings_are_refused(own: int, wanted: int) -> None:
    with pytest.raises(ValueError, match=f"{own} classes cannot be read as {wanted}"):
        coarser(own, wanted)
