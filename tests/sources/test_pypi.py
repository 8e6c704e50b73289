"""The pypi source: the real pip, taking distributions that the test builds from a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from finesent.catalog.schema import PypiSource
from finesent.sources import pypi
from finesent.sources.base import SourceUnavailable
from finesent.sources.pypi import PypiFetcher
from tests.sources.helpers import contents, remote, sha256, tar_of, wanting, zip_of

METADATA = b"Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n"
WHEEL = zip_of(
    {
        "tiny_data/a.txt": b"from the wheel",
        "tiny_data-1.0.dist-info/METADATA": METADATA,
        "tiny_data-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_data-1.0.dist-info/RECORD": b"",
    }
)

# A build backend inside the package, so that pip needs none from an index. It leaves a trace when it runs.
BACKEND = b"""
import os, pathlib
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    pathlib.Path(os.environ["TRACE"]).touch()
    info = pathlib.Path(folder, "tiny_data-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tiny-data\\nVersion: 1.0\\n")
    return info.name
def build_wheel(*args):
    raise NotImplementedError
"""
SDIST = tar_of(
    {
        "tiny_data-1.0/PKG-INFO": METADATA,
        "tiny_data-1.0/pyproject.toml": (
            b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
        "tiny_data-1.0/backend.py": BACKEND,
        "tiny_data-1.0/inner.tar.gz": tar_of({"deep/a.txt": b"from the sdist"}),
    }
)


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "tiny_data-1.0-py3-none-any.whl").write_bytes(WHEEL)
    (folder / "tiny_data-1.0.tar.gz").write_bytes(SDIST)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    (tmp_path / "got").mkdir()
    return folder


def source(distribution: Literal["sdist", "wheel"], content: bytes, package: str = "tiny-data") -> PypiSource:
    return PypiSource(
        kind="pypi", package=package, version="1.0", distribution=distribution, sha256=sha256(content)
    )


def test_a_member_of_a_wheel(tmp_path: Path) -> None:
    file = remote("a.txt", at="tiny_data/a.txt")
    identity = PypiFetcher().fetch(source("wheel", WHEEL), wanting(file), tmp_path / "got")
    assert identity == {"package": "tiny-data", "version": "1.0", "sha256": sha256(WHEEL)}
    assert contents(tmp_path / "got") == {"a.txt": b"from the wheel"}


def test_a_member_of_an_archive_in_an_sdist(tmp_path: Path) -> None:
    file = remote("a.txt", at="inner.tar.gz!deep/a.txt")
    PypiFetcher().fetch(source("sdist", SDIST), wanting(file), tmp_path / "got")
    assert contents(tmp_path / "got") == {"a.txt": b"from the sdist"}
    assert (tmp_path / "trace").exists(), "the backend does run when the hash is right"


def test_a_wrong_hash_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=f"not the distribution that is pinned.*{sha256(SDIST)}"):
        PypiFetcher().fetch(source("sdist", b"something else"), wanting(remote("a.txt")), tmp_path / "got")
    assert not (tmp_path / "trace").exists()
    assert contents(tmp_path / "got") == {}


def test_a_package_that_is_not_there_is_told_in_pips_words(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"pip failed .*No matching distribution found for none-such"):
        PypiFetcher().fetch(source("wheel", WHEEL, "none-such"), wanting(remote("a.txt")), tmp_path / "got")


def test_a_member_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"tiny_data-1\.0\.tar\.gz holds no tiny_data-1\.0/b\.txt"):
        PypiFetcher().fetch(source("sdist", SDIST), wanting(remote("b.txt")), tmp_path / "got")


def test_a_kept_distribution_is_fetched_once(tmp_path: Path, index: Path) -> None:
    fetcher = PypiFetcher(kept=tmp_path / "kept")
    fetcher.fetch(source("wheel", WHEEL), wanting(remote("a.txt", at="tiny_data/a.txt")), tmp_path / "got")
    (index / "tiny_data-1.0-py3-none-any.whl").unlink()
    (tmp_path / "again").mkdir()
    fetcher.fetch(source("wheel", WHEEL), wanting(remote("b.txt", at="tiny_data/a.txt")), tmp_path / "again")
    assert contents(tmp_path / "again") == {"b.txt": b"from the wheel"}


def test_a_kept_distribution_is_verified_again(tmp_path: Path) -> None:
    fetcher = PypiFetcher(kept=tmp_path / "kept")
    file = remote("a.txt", at="tiny_data/a.txt")
    fetcher.fetch(source("wheel", WHEEL), wanting(file), tmp_path / "got")
    (kept,) = (tmp_path / "kept").rglob("*.whl")
    kept.write_bytes(zip_of({"tiny_data/a.txt": b"something else"}))
    (tmp_path / "again").mkdir()
    fetcher.fetch(source("wheel", WHEEL), wanting(file), tmp_path / "again")
    assert contents(tmp_path / "again") == {"a.txt": b"from the wheel"}


def test_a_python_without_pip_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*args: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, stderr=f"{sys.executable}: No module named pip\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SourceUnavailable, match="ensurepip"):
        PypiFetcher().fetch(source("wheel", WHEEL), wanting(remote("a.txt")), tmp_path / "got")


def test_an_sdist_of_an_unknown_form_is_refused() -> None:
    with pytest.raises(SourceUnavailable, match="no sdist that can be opened"):
        pypi._top_folder("x-1.0.rpm")
