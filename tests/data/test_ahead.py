"""What a thread makes ahead comes in order, and no more than one item early."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from finesent.data.ahead import ahead


def counted(count: int, made: list[int]) -> Iterator[int]:
    for number in range(count):
        made.append(number)
        yield number


def test_items_come_in_order_and_no_more_than_one_early() -> None:
    made: list[int] = []
    taken = []
    for number in ahead(counted(6, made)):
        assert len(made) <= number + 2
        taken.append(number)
    assert taken == made == list(range(6))
    assert list(ahead([])) == []


def test_another_thread_makes_them() -> None:
    makers = list(ahead(threading.get_ident() for _ in range(3)))
    assert threading.get_ident() not in makers


def test_what_goes_wrong_is_raised_where_the_item_is_wanted() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    running = ahead(items())
    assert next(running) == 1
    with pytest.raises(ValueError, match="broken"):
        next(running)


def test_no_thread_goes_on_once_the_items_are_left() -> None:
    made: list[int] = []
    before = threading.active_count()
    running = ahead(counted(9, made))
    assert [next(running), next(running)] == [0, 1]
    assert threading.active_count() == before + 1
    running.close()
    assert threading.active_count() == before
    assert made in ([0, 1], [0, 1, 2])
