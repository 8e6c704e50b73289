"""The fastest way there is here: C++ where that can be compiled, else numpy. Both do the same."""

from __future__ import annotations

from functools import cache

from finesent.compiling import CompilingError
from finesent.data.loops.compiled import load_loops
from finesent.data.loops.interface import Loops
from finesent.data.loops.plain import NumpyLoops


@cache
def byte_loops() -> Loops:
    """Return the loops of this machine."""
    try:
        return load_loops()
    except CompilingError:
        return NumpyLoops()
