"""Work that is spread over processes or threads comes back in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import active_children

import pytest

from finesent.data.parallel import in_order, processes, start
from finesent.errors import FinesentError


@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    with processes() as pool:
        assert list(in_order(pool, abs, (-number for number in range(count)))) == list(range(count))


def test_a_single_item_needs_no_process() -> None:
    with processes() as pool:
        assert list(in_order(pool, lambda item: (item, os.getpid()), [1])) == [(1, os.getpid())]


def test_processes_can_start_before_there_is_work() -> None:
    before = {child.pid for child in active_children()}
    with processes() as pool:
        assert {child.pid for child in active_children()} <= before
        start(pool)
        assert {child.pid for child in active_children()} - before
        assert list(in_order(pool, abs, [-1, -2])) == [1, 2]


def test_items_are_made_as_they_are_needed() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: (number, threading.get_ident()), items(), held=2)
        for number, (found, thread) in enumerate(results):
            assert found == number
            assert thread != threading.get_ident()
            assert len(made) <= number + 3


def _refuse(row: int) -> int:
    if row == 3:
        raise FinesentError(f"train.txt, row {row}", "a broken line", "mend the file")
    return row


def test_an_error_comes_whole_out_of_the_process_where_it_arose() -> None:
    with processes() as pool:
        done = in_order(pool, _refuse, range(9))
        assert [next(done) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(FinesentError) as error:
            next(done)
    assert (error.value.place, error.value.problem) == ("train.txt, row 3", "a broken line")
    assert error.value.remedy == "mend the file"
