"""Compiling once for a machine, and saying why not where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finesent import compiling
from finesent.compiling import CompilingError
from finesent.data.loops.compiled import SOURCES as LOOPS
from finesent.kernels.library import SOURCES, Kernels


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path / "cache" / "finesent"


def compiled(sources: Path = SOURCES) -> Path:
    return compiling.compiled(sources, openmp=True)


def compiler(folder: Path, script: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_what_was_compiled_is_found_again(
    cache: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = compiled()
    assert [path.name for path in cache.iterdir()] == [library.name]
    monkeypatch.setattr(compiling, "_compile", lambda *_: pytest.fail("compiled anew"))
    assert compiled() == library
    Kernels(library)


def test_another_source_is_another_library(
    cache: Path, tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(compiling, "_compile", lambda *given: made.append(given[-1]))
    compiled()
    source = tmp_path / "kernels" / "source"
    source.mkdir(parents=True)
    for path in SOURCES.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    compiled(source)
    (source / "numbers.h").write_text("// other\n")
    compiled(source)
    monkeypatch.setattr(compiling, "_processor", lambda: "another processor")
    compiled(source)
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_processes_at_once_make_one(cache: Path, kernels: Kernels) -> None:
    program = "import sys, pathlib, finesent.compiling as c; print(c.compiled(pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", program, str(LOOPS)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = {process.communicate(timeout=300)[0] for process in running}
    assert len(names) == 1
    assert [str(path) for path in cache.iterdir()] == [name.strip() for name in names]


def test_without_a_compiler(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilingError, match=r"there is no g\+\+"):
        compiled()
    assert not cache.exists()


def test_a_compiler_that_fails(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'case "$1" in --version) echo 1;; *) echo "x.cpp:1: error: no such machine" >&2; exit 1;; esac'
    monkeypatch.setenv("CXX", compiler(tmp_path, script))
    with pytest.raises(CompilingError, match=r"compiler failed: x\.cpp:1: error: no such machine"):
        compiled()
    assert list(cache.iterdir()) == []


def test_a_compiler_that_does_not_run(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "compiler"
    path.write_bytes(b"\x7fELF and nothing else")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    with pytest.raises(CompilingError, match="did not run"):
        compiled()


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CompilingError, match="cannot be written"):
        compiled()


def test_the_library_has_no_openmp_of_its_own(kernels: Kernels) -> None:
    needed = subprocess.run(["objdump", "-p", compiled()], capture_output=True, text=True, env=os.environ)
    if needed.returncode:
        pytest.skip("no objdump here")
    assert "libgomp" not in needed.stdout
