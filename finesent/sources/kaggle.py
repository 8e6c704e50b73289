"""Data sets on Kaggle, through the kagglehub client and its cache."""

from __future__ import annotations

import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import requests

from finesent.catalog.schema import KaggleSource, RemoteFile
from finesent.sources.archives import put_file
from finesent.sources.base import (
    SourceDamaged,
    SourceUnavailable,
    Wanted,
    is_disk_full,
    one_line,
    require_sha256,
    unreachable,
)
from finesent.sources.retry import Sleep, status_passes, with_retries

_VARIABLES = "set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or put kaggle.json into ~/.kaggle"

# What comes of unpacking something that is no archive, or not all of one.
_BROKEN = (ValueError, zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error)


class KaggleFetcher:
    """Downloads the whole data set into kagglehub's cache and copies the wanted files out of it."""

    def __init__(self, sleep: Sleep = time.sleep) -> None:
        self._sleep = sleep

    def fetch(self, source: KaggleSource, wanted: Wanted, folder: Path) -> dict[str, str]:
        """See :class:`finesent.sources.base.Fetcher`. Extras that the data set lacks are left out."""
        tree = self._download(source, afresh=False)
        try:
            _put_files(tree, source, wanted, folder)
        except SourceDamaged:
            # The cache may have been damaged after it was filled; Kaggle's own answer is what counts.
            tree = self._download(source, afresh=True)
            _put_files(tree, source, wanted, folder)
        return {"handle": source.handle, "version": _version_of(tree)}

    def _download(self, source: KaggleSource, *, afresh: bool) -> Path:
        import kagglehub

        handle = source.handle if source.version is None else f"{source.handle}/versions/{source.version}"

        def download() -> Path:
            try:
                return Path(kagglehub.dataset_download(handle, force_download=afresh))
            except _BROKEN:
                _forget_partial(source.handle)
                raise

        # The client raises its own classes, requests', and those of zipfile; all mean that nothing came.
        try:
            return with_retries(download, _may_pass, self._sleep)
        except Exception as error:
            if is_disk_full(error):
                raise
            raise SourceUnavailable(_reason(error, source.handle)) from error


def _put_files(tree: Path, source: KaggleSource, wanted: Wanted, folder: Path) -> None:
    for file in wanted.all():
        origin = _find(tree, file)
        if origin is not None:
            put_file(origin, folder, file)
            require_sha256(folder, file)
        elif file in wanted.required:
            raise SourceUnavailable(
                f"version {_version_of(tree)} of {source.handle} holds no file {file.outer}"
            )


def _find(tree: Path, file: RemoteFile) -> Path | None:
    """Return the file at its path, or else the only one of its name anywhere in the tree."""
    if (tree / file.outer).is_file():
        return tree / file.outer
    same_name = [found for found in tree.rglob(Path(file.outer).name) if found.is_file()]
    return same_name[0] if len(same_name) == 1 else None


def _version_of(tree: Path) -> str:
    """Return the version that answered, which kagglehub's cache has as the last folder's name."""
    return tree.name if tree.parent.name == "versions" else "unknown"


def _forget_partial(handle: str) -> None:
    """Remove a broken archive from kagglehub's cache, which would otherwise go on from it for ever."""
    from kagglehub.config import get_cache_folder

    for archive in (Path(get_cache_folder()) / "datasets" / handle).glob("*.archive"):
        archive.unlink(missing_ok=True)


def _may_pass(error: Exception) -> bool:
    from kagglehub.exceptions import DataCorruptionError

    if isinstance(error, requests.HTTPError):
        return status_passes(_status(error))
    # A broken archive has just been removed, so that the next attempt gets a whole one.
    return isinstance(error, (requests.RequestException, DataCorruptionError, *_BROKEN))


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def _reason(error: Exception, handle: str) -> str:
    status = _status(error)
    if status in (401, 403):
        return f"HTTP {status}: {handle} is private or asks for consent on its page; {_VARIABLES}"
    if status == 404:
        return f"HTTP 404: there is no {handle}, or not this version of it, or it is private ({_VARIABLES})"
    if status is not None:
        return f"HTTP {status}: the server failed"
    if isinstance(error, requests.RequestException):
        return unreachable(error)
    return f"the download failed ({one_line(error)})"
