"""Items that a thread makes while the ones before them are worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

ItemT = TypeVar("ItemT")


def ahead(items: Iterable[ItemT]) -> Iterator[ItemT]:
    """Yield the items, while a thread makes the next one."""
    rest = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(list, islice(rest, 1))
        while item := coming.result():
            coming = thread.submit(list, islice(rest, 1))
            yield item[0]
