"""The pipeline and its peers do not depend on each other, and share the versions of what both use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(file: Path) -> Iterator[str]:
    """The top-level names of the modules that a file imports anywhere, and their full names."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def top(names: Iterator[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", ["finesent", "stages"])
def test_the_pipeline_imports_nothing_of_the_benchmarks(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        assert not top(imported(file)) & {"benchmarks", "setfit", "sentence_transformers", "datasets"}, file


def test_what_a_peer_imports_of_ours_imports_no_finesent() -> None:
    waiting, seen = sorted((ROOT / "benchmarks" / "peers").glob("*.py")), set()
    assert waiting
    while waiting:
        file = waiting.pop()
        names = list(imported(file))
        assert not top(iter(names)) & {"finesent", "stages"}, file
        found = {ROOT / f"{name.replace('.', '/')}.py" for name in names if name.startswith("benchmarks.")}
        waiting += sorted(found - seen)
        seen |= found
    assert ROOT / "benchmarks" / "recipe.py" in seen


def test_the_peers_have_our_versions_of_what_both_use() -> None:
    ours, theirs = (pins(ROOT / name) for name in ("requirements.lock", "benchmarks/requirements.txt"))
    shared = set(ours) & set(theirs)
    assert {"torch", "transformers", "pandas"} <= shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def pins(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))
