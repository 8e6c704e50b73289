"""How much memory all processes together take that work in a folder, on Linux."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_INTERVAL = 0.2


@dataclass
class Peak:
    """The most bytes that were seen at once."""

    value: int = 0


@contextmanager
def watched(folder: Path) -> Iterator[Peak]:
    """Look five times a second what the processes take whose working directory is ``folder``.

    Counted is what each has for itself, resident but not shared in proc(5)'s statm: not the pages of files
    and libraries. What is taken for less than a fifth of a second may be missed.
    """
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(_INTERVAL):
            peak.value = max(peak.value, resident(folder))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def resident(folder: Path) -> int:
    """Return how many bytes the processes take at this moment whose working directory is ``folder``."""
    place = folder.resolve()
    processes = Path("/proc").glob("[0-9]*")
    return resource.getpagesize() * sum(_own_pages(process) for process in processes if _in(process, place))


def _in(process: Path, place: Path) -> bool:
    try:
        return (process / "cwd").readlink() == place
    except OSError:
        # Ended, or somebody else's.
        return False


def _own_pages(process: Path) -> int:
    try:
        # Counters alone: to walk the pages themselves, as smaps_rollup does, stops the process meanwhile.
        _, resident_pages, shared_pages, *_ = (process / "statm").read_text().split()
    except (OSError, ValueError):
        # Ended: then there is no such file, or nothing in it.
        return 0
    return int(resident_pages) - int(shared_pages)
