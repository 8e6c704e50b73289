"""Taking members out of archives, including hostile ones."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from finesent.sources.archives import put_file, take_member
from finesent.sources.base import SourceDamaged, SourceUnavailable
from tests.sources.helpers import Pack, contents, remote, tar_of, zip_of

COMPRESSED = pytest.mark.parametrize(
    "suffix, compress", [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
BODY = bytes(range(256)) * 400


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


@COMPRESSED
def test_a_mark_at_the_end_unpacks_a_compressed_file(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    origin = write(tmp_path / f"b.txt.{suffix}", compress(BODY))
    put_file(origin, tmp_path / "got", remote("deep/b.txt", at=f"x/b.txt.{suffix}!"))
    put_file(origin, tmp_path / "got", remote("packed", at=f"x/b.txt.{suffix}"))
    assert contents(tmp_path / "got") == {"deep/b.txt": BODY, "packed": compress(BODY)}


@COMPRESSED
def test_a_compressed_member_of_an_archive_is_unpacked(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    archive = write(tmp_path / "a.zip", zip_of({f"in/b.txt.{suffix}": compress(BODY)}))
    (tmp_path / "out").mkdir()
    take_member(archive, f"in/b.txt.{suffix}!", tmp_path / "out" / "b.txt")
    assert contents(tmp_path / "out") == {"b.txt": BODY}


@COMPRESSED
@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: b"", lambda packed: b"<html>"])
def test_a_broken_compressed_file_is_said_to_be_broken(
    tmp_path: Path,
    suffix: str,
    compress: Callable[[bytes], bytes],
    damage: Callable[[bytes], bytes],
) -> None:
    origin = write(tmp_path / f"b.txt.{suffix}", damage(compress(BODY)))
    with pytest.raises(SourceDamaged, match=rf"b\.txt\.{suffix} is truncated or altered"):
        put_file(origin, tmp_path / "got", remote("b.txt", at=f"b.txt.{suffix}!"))


def test_bytes_altered_in_the_middle_of_a_compressed_file_are_noticed(tmp_path: Path) -> None:
    packed = bytearray(bz2.compress(BODY))
    packed[len(packed) // 2] ^= 0xFF
    origin = write(tmp_path / "b.txt.bz2", bytes(packed))
    with pytest.raises(SourceDamaged, match="truncated or altered"):
        put_file(origin, tmp_path / "got", remote("b.txt", at="b.txt.bz2!"))


@pytest.mark.parametrize(
    "name, member, said",
    [
        ("b.txt.bz2", "c", "b.txt.bz2 is one compressed file, and holds no c"),
        ("b.txt", "", "b.txt is no archive or compressed file that can be opened"),
        ("b.zip", "", "b.zip holds no "),
    ],
)
def test_a_step_into_what_has_no_inside_is_told(tmp_path: Path, name: str, member: str, said: str) -> None:
    content = zip_of({"a": b"1"}) if name.endswith("zip") else bz2.compress(b"1")
    with pytest.raises(SourceUnavailable, match=said):
        take_member(write(tmp_path / name, content), member, tmp_path / "out")


def test_a_full_disk_is_no_broken_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*streams: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        take_member(write(tmp_path / "b.gz", gzip.compress(b"1")), "", tmp_path / "out")
