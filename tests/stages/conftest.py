"""A project folder with a small data set of the user's own, as download leaves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CATALOG = {
    "title": "Mine",
    "licence": "my own",
    "labels": ["bad", "fair", "good"],
    "sources": [{"kind": "local"}],
}
PARAMS: dict[str, Any] = {
    "dataset": "mine",
    "transfer": {},
    "panel": None,
    "raters": None,
    "clean": {
        "recipe": "none",
        "repeated_in_train": "drop",
        "shared_with_dev_or_test": "drop",
        "near_duplicates": {"action": "keep", "similarity": 0.6},
    },
    "sample": {"train_size": None, "balance": "none", "length_bins": 2, "seed": 0},
    "inputs": {
        "plain": {"template": "{text}", "max_length": 32},
        "prompt": {"template": "Review: {text} :", "max_length": 12},
    },
}

Rows = list[tuple[str, int | str]]
MakeProject = Callable[..., Path]


def csv_of(rows: Rows) -> str:
    """Return a csv file with every text in quotes."""
    lines = [f'"{text.replace(chr(34), chr(34) * 2)}",{label}' for text, label in rows]
    return "\n".join(["text,label", *lines, ""])


@pytest.fixture
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProject:
    """Write a project whose data set has these rows by split (or ``all``), step into it, return it.

    ``name`` is its folder; other keywords replace single keys of params.yaml's blocks, or what is no block.
    """

    def make(splits: dict[str, Rows], name: str = "project", **blocks: Any) -> Path:
        folder = tmp_path / name
        raw = folder / "data" / "raw"
        (folder / "catalog").mkdir(parents=True)
        raw.mkdir(parents=True)
        files = {split: {"path": f"{split}.csv"} for split in splits or ["all"]}
        entry = {**CATALOG, "layouts": {"default": {"format": "csv", "files": files}}}
        # JSON is YAML.
        (folder / "catalog" / "datasets.yaml").write_text(json.dumps({"mine": entry}))
        params = {
            key: _changed(value, blocks[key]) if key in blocks else value for key, value in PARAMS.items()
        }
        (folder / "params.yaml").write_text(json.dumps(params))
        for split, rows in splits.items():
            (raw / f"{split}.csv").write_text(csv_of(rows), encoding="utf-8")
        source = {
            "name": "mine",
            "source": "local",
            "layout": "default",
            "identity": {"folder": "data/local"},
            "files": {
                f"{split}.csv": hashlib.sha256((raw / f"{split}.csv").read_bytes()).hexdigest()
                for split in splits
            },
        }
        (raw / "source.json").write_text(json.dumps(source, indent=2) + "\n")
        monkeypatch.chdir(folder)
        return folder

    return make


def _changed(value: Any, change: Any) -> Any:
    return {**value, **change} if isinstance(change, dict) else change


@pytest.fixture
def files_under() -> Callable[[Path], dict[str, bytes]]:
    """Read every file under a folder, by its path inside; nothing if there is no folder."""

    def read(folder: Path) -> dict[str, bytes]:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    return read
