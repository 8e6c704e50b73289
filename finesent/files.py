"""Writing files so that a reader never meets half of one, and hashing them."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finesent.errors import FinesentError

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def replacing(target: Path, within: Path | None = None) -> Iterator[Path]:
    """Give a temporary path that takes the place of ``target`` only if the block succeeds.

    It lies beside ``target``, or in the folder ``within`` (of the same file system) where a killed
    process should leave its remains.

    The block may create a file or a folder there. Until the block ends, ``target`` keeps what it
    held; if the block fails, the temporary path is removed and ``target`` is untouched.

    Raises:
        FinesentError: the disk is full, or the user's quota of it (what was half-written is removed first).
    """
    folder = within or target.parent
    temporary = folder / f".{target.name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        yield temporary
        # A folder cannot be replaced in one step while it has content, so an old one goes first.
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        temporary.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FinesentError(
                str(target),
                "the disk is full, or your share of it; what was half-written has been removed",
                "free some space (`dvc gc --workspace` drops unused cached results) and run again",
            ) from error
        raise
    finally:
        _remove(temporary)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON that is stable byte for byte: given key order, two spaces, no NaN, one final newline."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file, naming it if it is missing or broken.

    Raises:
        FinesentError: the file is not there or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FinesentError(str(path), "the file is missing", "run `dvc repro` to make it") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FinesentError(
            str(path), f"not valid JSON ({error})", "delete it and run `dvc repro`"
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
