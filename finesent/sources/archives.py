"""Taking single members out of archives: by exact name, streamed, and never a link."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from finesent.sources.base import SourceUnavailable

_ZIP = (".zip", ".whl")
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

# What the standard library raises for bytes that are not the archive they should be. RuntimeError is
# zipfile's for an encrypted member.
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError
)  # fmt: skip


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is an archive that :func:`take_member` can open."""
    return name.lower().endswith((*_ZIP, *_TAR))


def take_member(archive: Path, member: str, target: Path, name: str = "") -> None:
    """Write one member of an archive to ``target``.

    Args:
        archive: a zip, wheel or tar file, compressed or not.
        member: the member's exact name; ``inner.tar.gz!b.txt`` is b.txt inside the member inner.tar.gz.
        target: where its bytes go.
        name: what to call the archive in errors, if not by its own file name.

    Raises:
        SourceUnavailable: there is no such member, it is a link or folder, or the archive is broken.
    """
    name = name or archive.name
    outer, _, inner = member.partition("!")
    if not inner:
        _write(archive, outer, target, name)
        return
    # An inner archive has to lie on disk: a zip is read from its end.
    unpacked = target.with_name(f".{target.name}.{Path(outer).name}")
    try:
        _write(archive, outer, unpacked, name)
        take_member(unpacked, inner, target, f"{name}!{outer}")
    finally:
        unpacked.unlink(missing_ok=True)


def _write(archive: Path, member: str, target: Path, name: str) -> None:
    try:
        with _open_member(archive, member, name) as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file)
    except _BROKEN as error:
        raise SourceUnavailable(f"{name} is truncated or altered ({error})") from error


@contextmanager
def _open_member(archive: Path, member: str, name: str) -> Iterator[IO[bytes]]:
    if archive.name.lower().endswith(_ZIP):
        with zipfile.ZipFile(archive) as zipped, zipped.open(_zip_info(zipped, member, name)) as stream:
            yield stream
        return
    with tarfile.open(archive) as packed:
        tar_stream = packed.extractfile(_tar_info(packed, member, name))
        assert tar_stream is not None, "a regular member has content"
        with tar_stream:
            yield tar_stream


def _zip_info(zipped: zipfile.ZipFile, member: str, name: str) -> zipfile.ZipInfo:
    try:
        info = zipped.getinfo(member)
    except KeyError as error:
        raise SourceUnavailable(f"{name} holds no {member}") from error
    if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
        raise SourceUnavailable(f"{member} in {name} is no plain file")
    return info


def _tar_info(packed: tarfile.TarFile, member: str, name: str) -> tarfile.TarInfo:
    try:
        info = packed.getmember(member)
    except KeyError as error:
        raise SourceUnavailable(f"{name} holds no {member}") from error
    if not info.isreg():
        raise SourceUnavailable(f"{member} in {name} is no plain file")
    return info
