"""Copies that the user keeps in a folder of their own, named by FINESENT_MIRROR."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from pathlib import Path

from finesent.catalog.schema import RemoteFile
from finesent.sources.base import SourceUnavailable, Wanted, copy_file, place_of

VARIABLE = "FINESENT_MIRROR"


def mirror_of(name: str) -> Path | None:
    """Return the mirror's folder for one catalog entry, or None if no mirror is set."""
    root = os.environ.get(VARIABLE)
    return Path(root) / name if root else None


def holds(place: Path, wanted: Wanted) -> bool:
    """Tell whether a mirror's folder has all the required files of a layout, plain or gzipped."""
    return all(_find(place, file) is not None for file in wanted.required)


def take(place: Path, wanted: Wanted, folder: Path) -> dict[str, str]:
    """Copy a layout's files, unpacking those that are gzipped; absent extras are left out.

    Raises:
        SourceUnavailable: a gzipped file is broken.
    """
    for file in wanted.all():
        origin = _find(place, file)
        if origin is not None:
            _copy_plain(origin, folder, file)
    # The folder itself is not recorded: what a run makes must not depend on whose machine it ran on.
    return {}


def _find(place: Path, file: RemoteFile) -> Path | None:
    for candidate in (place / file.path, place / f"{file.path}.gz"):
        if candidate.is_file():
            return candidate
    return None


def _copy_plain(origin: Path, folder: Path, file: RemoteFile) -> None:
    if origin.name == Path(file.path).name:
        copy_file(origin, folder, file)
        return
    try:
        with gzip.open(origin, "rb") as packed, place_of(folder, file).open("wb") as target:
            shutil.copyfileobj(packed, target)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceUnavailable(f"{origin.name} is truncated or altered ({error})") from error
