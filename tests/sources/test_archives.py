"""Taking members out of archives, including hostile ones."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from finesent.sources.archives import take_member
from finesent.sources.base import SourceUnavailable
from tests.sources.helpers import Pack, contents, tar_of, zip_of


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def linked_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def linked_zip() -> bytes:
    info = zipfile.ZipInfo("x")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def test_an_exclamation_mark_steps_into_an_inner_archive(tmp_path: Path) -> None:
    inner = zip_of({"deep/b.txt": b"found"})
    archive = write(tmp_path / "a.tar.gz", tar_of({"in.zip": tar_of({"y/z.whl": inner})}))
    archive = write(tmp_path / "a.whl", zip_of({"p/q.tar.gz": tar_of({"y/z.whl": inner})}))
    (tmp_path / "out").mkdir()
    take_member(archive, "p/q.tar.gz!y/z.whl!deep/b.txt", tmp_path / "out" / "b.txt")
    assert contents(tmp_path / "out") == {"b.txt": b"found"}


@pytest.mark.parametrize("name, pack", [("x.tar.gz", linked_tar), ("x.zip", linked_zip)])
def test_a_link_is_refused(tmp_path: Path, name: str, pack: Callable[[], bytes]) -> None:
    with pytest.raises(SourceUnavailable, match="is no plain file"):
        take_member(write(tmp_path / name, pack()), "x", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name, pack", [("x.tar.gz", tar_of), ("x.zip", zip_of)])
def test_a_missing_member_is_named(tmp_path: Path, name: str, pack: Pack) -> None:
    with pytest.raises(SourceUnavailable, match=f"{name} holds no b/c"):
        take_member(write(tmp_path / name, pack({"a": b"1"})), "b/c", tmp_path / "out")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_what_is_no_archive_is_said_to_be_broken(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(SourceUnavailable, match=f"{name} is truncated or altered"):
        take_member(write(tmp_path / name, content), "a", tmp_path / "out")


def test_a_broken_inner_archive_is_named_and_removed(tmp_path: Path) -> None:
    archive = write(tmp_path / "x.zip", zip_of({"in.tar.gz": tar_of({"a": b"1" * 5000})[:40]}))
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceUnavailable, match=r"x\.zip!in\.tar\.gz is truncated"):
        take_member(archive, "in.tar.gz!a", tmp_path / "out" / "a")
    assert ".a.in.tar.gz" not in contents(tmp_path / "out")
