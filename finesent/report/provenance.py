"""Where the numbers come from: commit, params, bytes, libraries and devices."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from finesent.files import read_json
from finesent.report.content import Provenance

_STUDY = Path("data/raw/source.json")
_OTHERS = Path("data/others")
_BACKBONE = Path("data/backbone/source.json")
_LIBRARIES = ("torch", "transformers", "numpy", "scipy", "statsmodels", "scikit-learn", "pandas", "dvc")


def provenance(params: Path, histories: dict[str, pd.DataFrame]) -> Provenance:
    """Describe the run that the present work tree holds.

    Args:
        params: path of params.yaml.
        histories: by ablation; their columns ``device`` and ``precision`` say where it was trained.
    """
    files: dict[str, str] = {}
    for path in (_STUDY, *sorted(_OTHERS.glob("*/source.json")), _BACKBONE):
        source = read_json(path)
        # A layout may be a sample, and is named so that nobody takes it for the whole.
        entry = f"{source['name']} (layout {source['layout']})"
        files |= {f"{entry}: {name}": sha256 for name, sha256 in source["files"].items()}
    return Provenance(
        commit=_commit(),
        params=params.read_text(encoding="utf-8"),
        files=files,
        versions={"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        devices={name: _device(history) for name, history in histories.items()},
    )


def _commit() -> str | None:
    """The commit of the work tree; None where there is no repository, no commit yet, or no git."""
    commit = _git("rev-parse", "HEAD")
    # Outs and lock files change with every run; code and params are what must be as committed.
    changed = _git("status", "--porcelain", "--", "*.py", "*.yaml", ":!*dvc.lock")
    return f"{commit} + uncommitted changes" if commit and changed else commit


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _device(history: pd.DataFrame) -> str:
    if "device" not in history or "precision" not in history:
        return "not recorded"
    used = history[["device", "precision"]].drop_duplicates()
    return ", ".join(f"{device}, {precision}" for device, precision in used.itertuples(index=False))
