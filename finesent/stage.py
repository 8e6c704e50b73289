"""What every stage script shares: a clean end, whether it went well or not."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from finesent.errors import FinesentError


def run_stage(main: Callable[[], str]) -> None:
    """Run a stage's ``main`` and print the one line that it returns, if there is anything to say.

    A :class:`FinesentError` is printed without a traceback and ends the process with exit code 1,
    so that DVC stops there, and so does a full disk; anything else is a defect of ours and keeps its
    traceback.
    """
    try:
        if told := main():
            print(told, flush=True)
    except FinesentError as error:
        _end(error)
    except Exception as error:
        if not _says_disk_is_full(error):
            raise
        _end(
            FinesentError(
                str(Path.cwd()),
                f"the disk is full ({error})",
                "free some space (`dvc gc` drops old results) and run again; checkpoints are kept",
            )
        )


def _end(error: FinesentError) -> None:
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(1)


def _says_disk_is_full(error: Exception) -> bool:
    # Libraries that write by themselves raise errors of their own, with the system's words in them.
    return any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT))
