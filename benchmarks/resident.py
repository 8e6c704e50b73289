"""How much memory all processes together take that work in a folder, on Linux."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_INTERVAL = 0.1
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass
class Peak:
    """The most bytes that were seen at once."""

    value: int = 0


@contextmanager
def watched(folder: Path) -> Iterator[Peak]:
    """Look ten times a second what the processes take whose working directory is ``folder``.

    Counted are their proportional set sizes (proc(5)): memory that several share counts once. What is taken
    for less than a tenth of a second may be missed.
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
    return 1024 * sum(
        map(_kib, (process for process in Path("/proc").glob("[0-9]*") if _in(process, folder)))
    )


def _in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder.resolve()
    except OSError:
        # Ended, or somebody else's.
        return False


def _kib(process: Path) -> int:
    try:
        found = _PSS.search((process / "smaps_rollup").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0
