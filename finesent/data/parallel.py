"""A function over many items in several processes or threads, with the results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context
from typing import TypeVar

from finesent.cores import usable_cores
from finesent.memory import keep_freed_memory

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Batches of a core, the one in work among them, so that none waits for a batch.
_AHEAD = 2


def processes() -> ProcessPoolExecutor:
    """Return a pool of as many processes as this one may use cores; they start with the first work.

    They are fresh ones: a copy of this process would hold the locks of threads that it does not have.
    """
    return ProcessPoolExecutor(usable_cores(), mp_context=get_context("spawn"), initializer=keep_freed_memory)


def start(pool: ProcessPoolExecutor) -> None:
    """Have the processes start now, which takes a while, and not with the first work."""
    pool.submit(int)


def in_order(
    pool: Executor, function: Callable[[ItemT], ResultT], items: Iterable[ItemT], held: int | None = None
) -> Iterator[ResultT]:
    """Yield the function of every item, in their order; an item is made when it is about to be worked on.

    Args:
        pool: of processes or threads; a single item needs none.
        function: that processes find by its name, and that leaves Python to other threads.
        items: made by whoever asks for the results.
        held: how many items, or what came of them, wait at once; two a core otherwise.
    """
    held = held or _AHEAD * usable_cores()
    rest = iter(items)
    first = list(islice(rest, 2))
    if len(first) < 2:
        yield from map(function, first)
        return
    waiting: deque[Future[ResultT]] = deque()
    for item in chain(first, rest):
        waiting.append(pool.submit(function, item))
        if len(waiting) > held:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
