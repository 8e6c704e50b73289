"""What every kind of source has in common: the interface, and the way to say that it has nothing."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from finesent.catalog.schema import RemoteFile
from finesent.files import sha256_of

SourceT = TypeVar("SourceT", contravariant=True)

_SECRETS = ("KAGGLE_API_TOKEN", "KAGGLE_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_USER_IN_URL = re.compile(r"://[^/@\s]+@")


class SourceUnavailable(Exception):
    """This source could not give the files; the next one is tried. Its text is one line, free of secrets."""


class SourceDamaged(SourceUnavailable):
    """What came is truncated or altered: a copy that a client keeps may be, and then another one may not."""


@dataclass(frozen=True)
class Wanted:
    """The files of a layout: those without which it is useless, and those that merely come along."""

    required: list[RemoteFile]
    extras: list[RemoteFile]

    def all(self) -> list[RemoteFile]:
        """Every file, extras last."""
        return [*self.required, *self.extras]


class Fetcher(Protocol[SourceT]):
    """One kind of source."""

    def fetch(self, source: SourceT, wanted: Wanted, folder: Path) -> dict[str, str]:
        """Put each file at ``folder/file.path`` with its bytes as published.

        Returns:
            What identifies the origin (a version, a revision, …); nothing that differs between machines.

        Raises:
            SourceUnavailable: this source could not give the files.
        """
        ...


def place_of(folder: Path, file: RemoteFile) -> Path:
    """Return where a file belongs in ``folder``, whose sub-folders are made if need be."""
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def require_sha256(folder: Path, file: RemoteFile) -> str:
    """Return the sha256 of a file that has come to its place in ``folder``.

    Raises:
        SourceDamaged: it is not the one that the catalog pins.
    """
    found = sha256_of(folder / file.path)
    if file.sha256 not in (None, found):
        raise SourceDamaged(f"{file.path} is truncated or altered: sha256 {found}, expected {file.sha256}")
    return found


def is_disk_full(error: BaseException) -> bool:
    """Tell whether the disk was full, which no other source can mend."""
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


def one_line(error: BaseException | str) -> str:
    """Return the first line of an error, cut short, without the value of any secret."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    for variable in _SECRETS:
        if secret := os.environ.get(variable):
            text = text.replace(secret, f"<{variable}>")
    text = _USER_IN_URL.sub("://<user>@", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else "unknown error"
    return first if len(first) <= 300 else first[:297] + "..."


def unreachable(error: BaseException) -> str:
    """Say that a server cannot be reached, with what lies under the layers of the network library."""
    wrapped = error.args[0] if error.args else error
    cause = getattr(wrapped, "reason", None) or error.__cause__ or error
    return f"cannot be reached ({one_line(cause)})"
