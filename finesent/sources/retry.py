"""Trying again after a passing fault, waiting twice as long each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Sleep = Callable[[float], None]

_ATTEMPTS = 4


def with_retries(
    action: Callable[[], T], is_passing: Callable[[Exception], bool], sleep: Sleep = time.sleep
) -> T:
    """Return what ``action`` returns; after a passing fault try again, four times in all.

    Args:
        action: may be called several times; whatever it had finished it should keep.
        is_passing: tells a fault that may pass (a cut connection) from one that stays (not found).
        sleep: waits the seconds given; 1, 2 and 4 are given.

    Raises:
        Exception: the last fault, as ``action`` raised it.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return action()
        except Exception as error:
            if not is_passing(error):
                raise
            sleep(2.0**attempt)
    return action()


def status_passes(status: int | None) -> bool:
    """Tell whether an HTTP status (None: no answer came) may be another one in a moment."""
    return status is None or status == 429 or status >= 500
