"""Copies that the user keeps in a folder of their own, named by FINESENT_MIRROR."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from finesent.catalog.schema import RemoteFile
from finesent.sources.archives import take_member
from finesent.sources.base import Wanted, place_of

VARIABLE = "FINESENT_MIRROR"

_PACKED = (".gz", ".bz2")


def mirror_of(name: str) -> Path | None:
    """Return the mirror's folder for one catalog entry, or None if no mirror is set."""
    root = os.environ.get(VARIABLE)
    return Path(root) / name if root else None


def holds(place: Path, wanted: Wanted) -> bool:
    """Tell whether a mirror's folder has all the required files of a layout, plain or compressed."""
    return all(_find(place, file) is not None for file in wanted.required)


def take(place: Path, wanted: Wanted, folder: Path) -> dict[str, str]:
    """Copy a layout's files, unpacking those that are compressed; absent extras are left out.

    Raises:
        SourceUnavailable: a compressed file is broken.
    """
    for file in wanted.all():
        origin = _find(place, file)
        if origin is not None:
            target = place_of(folder, file)
            if origin.name == target.name:
                shutil.copyfile(origin, target)
            else:
                take_member(origin, "", target)
    # The folder itself is not recorded: what a run makes must not depend on whose machine it ran on.
    return {}


def _find(place: Path, file: RemoteFile) -> Path | None:
    candidates = (place / f"{file.path}{suffix}" for suffix in ("", *_PACKED))
    return next((candidate for candidate in candidates if candidate.is_file()), None)
