"""Compiling C++ once for a machine, and keeping what comes out in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Numbers stay numbers and infinities infinite: a loss that is no number must be seen. Nothing else of what
# the standard asks for (errno, floating-point traps) is of use here.
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC")
# GCC takes half of what the machine has, unless it is told.
_X86 = ("-mprefer-vector-width=512",)
_SECONDS = 300


class CompilingError(Exception):
    """No library can be made here; the message says why."""


def compiled(sources: Path, openmp: bool = False) -> Path:
    """Return the shared library of a folder's C++, compiling it where that has not been done yet.

    It is made for this machine's processor.

    Args:
        sources: a folder of ``*.cpp`` and what they include; the folder above it gives the library its name.
        openmp: whether they have threads. The library has no OpenMP of its own: another's is to be in the
            process.

    Raises:
        CompilingError: there is no GCC, it fails, or its output has no place.
    """
    compiler = shutil.which(os.environ.get("CXX") or "g++")
    if platform.system() != "Linux" or compiler is None:
        raise CompilingError("there is no g++")
    flags = [*_FLAGS, *(_X86 if platform.machine() == "x86_64" else ()), *(["-fopenmp"] if openmp else [])]
    library = _folder() / f"{sources.parent.name}-{_mark(compiler, flags, sources)}.so"
    try:
        if not library.exists():
            _compile(compiler, flags, sources, library)
    except OSError as error:
        raise CompilingError(f"{library.parent} cannot be written ({error})") from error
    return library


def _compile(compiler: str, flags: list[str], sources: Path, library: Path) -> None:
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        files = sorted(sources.glob("*.cpp"))
        objects = [Path(folder) / f"{file.stem}.o" for file in files]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            commands = [
                [compiler, *flags, "-c", str(file), "-o", str(made)]
                for file, made in zip(files, objects, strict=True)
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


def _mark(compiler: str, flags: list[str], sources: Path) -> str:
    """What the library depends on, as a name: a home folder may be many machines'."""
    digest = hashlib.sha256()
    for part in (*flags, _call([compiler, "--version"]), platform.machine(), _processor()):
        digest.update(part.encode() + b"\0")
    for source in sorted(sources.iterdir()):
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
