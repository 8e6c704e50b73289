"""Taking members out of archives and compressed files: by exact name, streamed, and never a link."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from finesent.catalog.schema import RemoteFile
from finesent.sources.base import SourceDamaged, SourceUnavailable, place_of

_ZIP = (".zip", ".whl")
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_COMPRESSED: dict[str, Callable[[Path], BufferedIOBase]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}

# What the standard library raises for bytes that are not the archive they should be. RuntimeError is
# zipfile's for an encrypted member; OSError is bz2's, and then has no number.
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError
)  # fmt: skip


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is an archive that :func:`take_member` can open."""
    return name.lower().endswith((*_ZIP, *_TAR))


def put_file(origin: Path, folder: Path, file: RemoteFile, name: str = "") -> None:
    """Copy what a source keeps at ``file.outer`` to the file's place, or what ``file.inner`` takes out of it.

    Args:
        origin: where it lies on this machine.
        folder: the folder to fill.
        file: what is wanted of it.
        name: what to call ``origin`` in errors, if not by its own file name.

    Raises:
        SourceUnavailable: see :func:`take_member`.
    """
    target = place_of(folder, file)
    if file.inner is None:
        shutil.copyfile(origin, target)
    else:
        take_member(origin, file.inner, target, name)


def take_member(archive: Path, member: str, target: Path, name: str = "") -> None:
    """Write one member of an archive, or the content of a compressed file, to ``target``.

    Args:
        archive: a zip, wheel or tar file, compressed or not; or a single file that gzip, bzip2 or xz packed.
        member: the member's exact name; ``inner.tar.gz!b.txt`` is b.txt inside the member inner.tar.gz, and
            ``b.txt.bz2!`` is what the member b.txt.bz2 holds. A compressed file's content has an empty name.
        target: where its bytes go.
        name: what to call the archive in errors, if not by its own file name.

    Raises:
        SourceUnavailable: there is no such member, or it is a link or folder.
        SourceDamaged: the archive is broken.
    """
    name = name or archive.name
    outer, step, inner = member.partition("!")
    if not step:
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
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise SourceDamaged(f"{name} is truncated or altered ({error})") from error


@contextmanager
def _open_member(archive: Path, member: str, name: str) -> Iterator[IO[bytes] | BufferedIOBase]:
    own_name = archive.name.lower()
    if own_name.endswith(_ZIP):
        with zipfile.ZipFile(archive) as zipped, zipped.open(_zip_info(zipped, member, name)) as stream:
            yield stream
    elif own_name.endswith(_TAR):
        with tarfile.open(archive) as packed:
            tar_stream = packed.extractfile(_tar_info(packed, member, name))
            assert tar_stream is not None, "a regular member has content"
            with tar_stream:
                yield tar_stream
    elif own_name.endswith(tuple(_COMPRESSED)):
        if member:
            raise SourceUnavailable(f"{name} is one compressed file, and holds no {member}")
        if archive.stat().st_size == 0:
            # gzip takes it for an empty file.
            raise EOFError("it is empty")
        with _COMPRESSED[Path(own_name).suffix](archive) as content:
            yield content
    else:
        raise SourceUnavailable(f"{name} is no archive or compressed file that can be opened")


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
