"""What tests need that was compiled, on machines with a compiler and without."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from finesent.compiling import CompilingError

LoadedT = TypeVar("LoadedT")


def loaded_or_skipped(load: Callable[[], LoadedT]) -> LoadedT:
    """Load it; a machine without g++ skips the test, unless FINESENT_REQUIRE_KERNELS is set."""
    try:
        return load()
    except CompilingError as error:
        if os.environ.get("FINESENT_REQUIRE_KERNELS"):
            raise
        pytest.skip(f"nothing can be compiled: {error}")
