"""On what, with what and of which commit something was measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.workspace import ROOT
from finesent.cores import usable_cores

# How the load is called: of all that is described what changes from one sitting to the next.
LOAD = "load before"
_CPU, _MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")
_FAST = ("avx512_bf16", "amx_bf16")
_OURS, _PEERS = ("torch", "transformers"), ("torch", "transformers", "accelerate", "setfit", "pandas")


def described(peers: Path) -> dict[str, str]:
    """Return machine, versions, load and commit, by what they are called in the document.

    Args:
        peers: interpreter of the peers.
    """
    return {
        "machine": _machine(),
        LOAD: " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "ours": f"Python {platform.python_version()}, {_versions(_OURS)}",
        "peers": _peers(peers),
        "commit": commit(),
    }


def commit(folder: Path = ROOT) -> str:
    """Return the short hash of the commit, and whether files differ from it; ``unknown`` without git."""
    try:
        head = _git(folder, "rev-parse", "--short", "HEAD")
        # The document is what a measurement writes.
        changed = _git(folder, "status", "--porcelain", "--", ".", ":!docs/performance.*")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with local changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _machine() -> str:
    count = usable_cores()
    told = [f"{count} cores" if count > 1 else "one core"]
    if _CPU.exists():
        text = _CPU.read_text(encoding="utf-8")
        if model := re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE):
            told.append(model[1])
        told += [flag for flag in _FAST if re.search(rf"\b{flag}\b", text)]
    if _MEMORY.exists() and (total := re.search(r"MemTotal:\s*(\d+)", _MEMORY.read_text(encoding="utf-8"))):
        told.append(f"{int(total[1]) / 2**20:.0f} GiB")
    return ", ".join(told)


def _versions(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def _peers(python: Path) -> str:
    asked = (
        f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {_PEERS}))"
    )
    try:
        done = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
