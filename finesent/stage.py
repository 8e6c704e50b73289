"""What every stage script shares: a clean end, whether it went well or not."""

from __future__ import annotations

import sys
from collections.abc import Callable

from finesent.errors import FinesentError


def run_stage(main: Callable[[], str]) -> None:
    """Run a stage's ``main`` and print the one line that it returns, if there is anything to say.

    A :class:`FinesentError` is printed without a traceback and ends the process with exit code 1,
    so that DVC stops there; anything else is a defect of ours and keeps its traceback.
    """
    try:
        if told := main():
            print(told, flush=True)
    except FinesentError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
