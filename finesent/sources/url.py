"""A file or an archive on the web, fetched in one stream that survives cut connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

import requests
from tqdm import tqdm

from finesent.catalog.schema import RemoteFile, UrlSource
from finesent.files import sha256_of
from finesent.sources.archives import is_archive, put_file, take_member
from finesent.sources.base import SourceUnavailable, Wanted, place_of, unreachable
from finesent.sources.retry import Sleep, status_passes, with_retries

_CONNECT_AND_READ_SECONDS = (10, 60)
_CHUNK = 1 << 18


class UrlFetcher:
    """Downloads ``source.url``: a file, an archive whose members are taken out, or the files of a folder."""

    def __init__(self, sleep: Sleep = time.sleep) -> None:
        self._sleep = sleep

    def fetch(self, source: UrlSource, wanted: Wanted, folder: Path) -> dict[str, str]:
        """See :class:`finesent.sources.base.Fetcher`."""
        if source.url.endswith("/"):
            for file in wanted.all():
                self._take_below(source.url, file, folder)
        else:
            self._take_from(source, wanted.all(), folder)
        return {"url": source.url} | ({"sha256": source.sha256} if source.sha256 else {})

    def _take_below(self, url: str, file: RemoteFile, folder: Path) -> None:
        """Take one file from its own address in the folder ``url``."""
        address = url + quote(file.outer)
        try:
            with self._downloaded(address, folder) as download:
                put_file(download, folder, file, _name_of(address))
        except SourceUnavailable as error:
            raise SourceUnavailable(f"{file.outer}: {error}") from error

    def _take_from(self, source: UrlSource, files: list[RemoteFile], folder: Path) -> None:
        """Take all files out of what the address holds, or the only one as it is."""
        name = _name_of(source.url)
        if not is_archive(name) and len(files) != 1:
            raise SourceUnavailable(f"the address holds one file, but the layout names {len(files)}")
        with self._downloaded(source.url, folder) as download:
            _verify(download, name, source.sha256)
            for file in files:
                if is_archive(name):
                    take_member(download, file.at or file.path, place_of(folder, file), name)
                else:
                    put_file(download, folder, file, name)

    @contextmanager
    def _downloaded(self, url: str, folder: Path) -> Iterator[Path]:
        """Give the file that ``url`` holds; it goes when the block ends."""
        download = folder / f".download-{_name_of(url)}"
        try:
            self._download(url, download)
            yield download
        finally:
            download.unlink(missing_ok=True)

    def _download(self, url: str, target: Path) -> None:
        try:
            with_retries(lambda: _continue(url, target), _may_pass, self._sleep)
        except requests.HTTPError as error:
            raise SourceUnavailable(_refusal(error)) from error
        except requests.RequestException as error:
            raise SourceUnavailable(unreachable(error)) from error


def _name_of(url: str) -> str:
    """Return the name of the file that an address names, which tells an archive from other files."""
    return unquote(PurePosixPath(urlsplit(url).path).name) or "download"


def _continue(url: str, target: Path) -> None:
    """Fetch what is still missing of ``target``, or all of it if the server cannot give a part."""
    have = target.stat().st_size if target.exists() else 0
    # Without "identity" a server may compress on the fly, and then positions and bytes are not the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_CONNECT_AND_READ_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            # What is on disk is not a part of what the server has: begin anew at the next attempt.
            target.unlink(missing_ok=True)
            raise requests.ConnectionError("the server has no such range")
        response.raise_for_status()
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if response.status_code == requests.codes.partial_content and resumes else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with target.open("ab" if have else "wb") as file, _progress(target.name, total, have) as bar:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def _progress(name: str, total: int | None, initial: int) -> tqdm[NoReturn]:
    # disable=None shows the bar on a terminal only; a transfer under a second needs none.
    label = name.removeprefix(".download-")
    return tqdm(desc=label, total=total, initial=initial, unit="B", unit_scale=True, delay=1, disable=None)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError):
        return status_passes(error.response.status_code)
    return isinstance(
        error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    )


def _refusal(error: requests.HTTPError) -> str:
    status = error.response.status_code
    meaning = {401: "it asks for a login", 403: "it refuses access", 404: "there is no such file"}
    return f"HTTP {status}: {meaning.get(status, 'the server failed')}"


def _verify(download: Path, name: str, expected: str | None) -> None:
    if expected is None:
        return
    found = sha256_of(download)
    if found != expected:
        raise SourceUnavailable(f"{name} is truncated or altered: sha256 {found}, expected {expected}")
