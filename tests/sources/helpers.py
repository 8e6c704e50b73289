"""Small things that the tests of several sources share."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from finesent.catalog.schema import RemoteFile
from finesent.sources.base import Wanted

Pack = Callable[[dict[str, bytes]], bytes]


def no_sleep(seconds: float) -> None:
    """Wait no time at all."""


def sha256(content: bytes) -> str:
    """Return the hexadecimal sha256."""
    return hashlib.sha256(content).hexdigest()


def remote(path: str, content: bytes | None = None, at: str | None = None) -> RemoteFile:
    """A file of the catalog, with the sha256 of ``content`` if that is given."""
    return RemoteFile(path=path, sha256=None if content is None else sha256(content), at=at)


def wanting(*required: RemoteFile, extras: tuple[RemoteFile, ...] = ()) -> Wanted:
    """The files of a layout."""
    return Wanted(list(required), list(extras))


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(files: dict[str, bytes]) -> bytes:
    """A gzipped tar archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
