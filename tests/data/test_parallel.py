"""Work that is spread over processes comes back in order."""

from __future__ import annotations

import os

import pytest

from finesent.data.parallel import in_order, processes


@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    with processes() as pool:
        assert list(in_order(pool, abs, (-number for number in range(count)))) == list(range(count))


def test_a_single_item_needs_no_process() -> None:
    with processes() as pool:
        assert list(in_order(pool, lambda item: (item, os.getpid()), [1])) == [(1, os.getpid())]
