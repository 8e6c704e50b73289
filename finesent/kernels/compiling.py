"""Compiling this folder's C++ once for a machine, and keeping what comes out in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_SOURCE = Path(__file__).parent / "source"
# Numbers stay numbers and infinities infinite: a loss that is no number must be seen. Nothing else of what
# the standard asks for (errno, floating-point traps) is of use here.
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC")
# GCC takes half of what the machine has, unless it is told.
_X86 = ("-mprefer-vector-width=512",)
_SECONDS = 300


class CompilingError(Exception):
    """No library can be made here; the message says why."""


def compiled() -> Path:
    """Return the shared library of the C++ sources, compiling them where that has not been done yet.

    It is made for this machine's processor and has no OpenMP of its own: PyTorch's is to be in the process.

    Raises:
        CompilingError: there is no GCC, it fails, or its output has no place.
    """
    compiler = shutil.which(os.environ.get("CXX") or "g++")
    if platform.system() != "Linux" or compiler is None:
        raise CompilingError("there is no g++")
    flags = [*_FLAGS, *(_X86 if platform.machine() == "x86_64" else ())]
    library = _folder() / f"kernels-{_mark(compiler, flags)}.so"
    try:
        if not library.exists():
            _compile(compiler, flags, library)
    except OSError as error:
        raise CompilingError(f"{library.parent} cannot be written ({error})") from error
    return library


def _compile(compiler: str, flags: list[str], library: Path) -> None:
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        sources = sorted(_SOURCE.glob("*.cpp"))
        objects = [Path(folder) / f"{source.stem}.o" for source in sources]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            commands = [
                [compiler, *flags, "-c", str(source), "-o", str(made)]
                for source, made in zip(sources, objects, strict=True)
            ]
            list(pool.map(_call, commands))
        # Without -fopenmp, which would tie the library to an OpenMP beside PyTorch's.
        whole = Path(folder) / library.name
        _call([compiler, "-shared", *map(str, objects), "-o", str(whole)])
        # Another process may have been as fast; theirs is the same.
        whole.replace(library)


def _call(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilingError(f"{command[0]} did not run ({error})") from error
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or ["without a message"]
        raise CompilingError(f"{command[0]} failed: {errors[0]}")
    return done.stdout


def _mark(compiler: str, flags: list[str]) -> str:
    """What the library depends on, as a name: a home folder may be many machines'."""
    digest = hashlib.sha256()
    for part in (*flags, _call([compiler, "--version"]), platform.machine(), _processor()):
        digest.update(part.encode() + b"\0")
    for source in sorted(_SOURCE.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _processor() -> str:
    """What distinguishes processors that -march=native distinguishes."""
    described = Path("/proc/cpuinfo").read_text()
    kinds = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    lines = [line for line in described.split("\n\n")[0].splitlines() if line.startswith(kinds)]
    return "\n".join(lines)


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finesent"
