"""Work that is spread over processes comes back in order."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from finesent.data.ahead import ahead
from finesent.data.parallel import in_order, processes


@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    with processes() as pool:
        assert list(in_order(pool, abs, (-number for number in range(count)))) == list(range(count))


def test_a_single_item_needs_no_process() -> None:
    with processes() as pool:
        assert list(in_order(pool, lambda item: (item, os.getpid()), [1])) == [(1, os.getpid())]


def test_what_runs_ahead_comes_in_order_and_no_more_than_one_item_early() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(6):
            made.append(number)
            yield number

    for number in ahead(items()):
        assert number in made
        assert len(made) <= number + 2
    assert made == list(range(6))
    assert list(ahead([])) == []


def test_what_goes_wrong_ahead_is_raised_where_it_is_wanted() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    running = ahead(items())
    assert next(running) == 1
    with pytest.raises(ValueError, match="broken"):
        next(running)


def test_what_runs_ahead_may_be_left() -> None:
    for number in ahead(range(9)):
        if number == 3:
            break
