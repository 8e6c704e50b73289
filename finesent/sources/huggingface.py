"""Repositories on the Hugging Face Hub, through the huggingface_hub client and its cache."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from finesent.catalog.schema import HuggingFaceSource, RemoteFile
from finesent.sources.archives import put_file
from finesent.sources.base import (
    SourceDamaged,
    SourceUnavailable,
    Wanted,
    is_disk_full,
    one_line,
    place_of,
    require_sha256,
    unreachable,
)
from finesent.sources.flax_weights import convert
from finesent.sources.retry import Sleep, status_passes, with_retries

RepoType = Literal["dataset", "model"]

_SAFETENSORS = "model.safetensors"
_FLAX = "flax_model.msgpack"
_PICKLE = "pytorch_model.bin"

_TOKEN = "set HF_TOKEN, or run `hf auth login`, with an account that may read it"


class HuggingFaceFetcher:
    """Downloads single files at one commit into the Hub's cache and copies them out of it."""

    def __init__(self, repo_type: RepoType, sleep: Sleep = time.sleep) -> None:
        self._repo_type = repo_type
        self._sleep = sleep

    def fetch(self, source: HuggingFaceSource, wanted: Wanted, folder: Path) -> dict[str, str]:
        """See :class:`finesent.sources.base.Fetcher`.

        Weights that the repository has only as a Flax msgpack are turned into safetensors.
        """
        identity = {"repo": source.repo, "revision": source.revision}
        for file in wanted.all():
            try:
                self._take(source, file, folder)
            except SourceUnavailable as error:
                if file.path != _SAFETENSORS or not _is_absent(error.__cause__):
                    raise
                self._convert_flax(source, file, folder)
                identity["converted"] = f"{_SAFETENSORS} from {_FLAX}"
        return identity

    def _take(self, source: HuggingFaceSource, file: RemoteFile, folder: Path) -> None:
        cached = self._download(source, file.outer)
        try:
            put_file(cached, folder, file)
            require_sha256(folder, file)
        except SourceDamaged:
            # The cache may have been damaged after it was filled; the Hub's own answer is what counts.
            put_file(self._download(source, file.outer, afresh=True), folder, file)

    def _convert_flax(self, source: HuggingFaceSource, file: RemoteFile, folder: Path) -> None:
        try:
            flax = self._download(source, _FLAX)
        except SourceUnavailable as error:
            if not _is_absent(error.__cause__):
                raise
            raise SourceUnavailable(
                f"{source.repo} has neither {_SAFETENSORS} nor {_FLAX}, and a pickle ({_PICKLE}) is never "
                "read, as that can run any program: convert it to safetensors where you trust it, and put "
                "the files into a mirror"
            ) from error
        convert(flax, place_of(folder, file))

    def _download(self, source: HuggingFaceSource, name: str, *, afresh: bool = False) -> Path:
        from huggingface_hub import hf_hub_download

        def download() -> Path:
            return Path(
                hf_hub_download(
                    source.repo,
                    name,
                    revision=source.revision,
                    repo_type=self._repo_type,
                    force_download=afresh,
                )
            )

        # The client's network library changes between its versions, and with it the errors it lets through.
        try:
            return with_retries(download, _may_pass, self._sleep)
        except Exception as error:
            if is_disk_full(error):
                raise
            raise SourceUnavailable(_reason(error, source, name)) from error


def _is_absent(error: BaseException | None) -> bool:
    """Tell whether the Hub answered, and answered that the repository has no such file."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    return isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)


def _may_pass(error: Exception) -> bool:
    from huggingface_hub.errors import EntryNotFoundError

    # EntryNotFoundError is also what the client raises when it has itself tried again in vain.
    if isinstance(error, (EntryNotFoundError, ValueError)) or is_disk_full(error):
        return False
    return status_passes(_status(error))


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status that an error, or one of those it came from, was about."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return int(response.status_code)
        error = error.__cause__
    return None


def _reason(error: Exception, source: HuggingFaceSource, name: str) -> str:
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RevisionNotFoundError

    status = _status(error)
    if isinstance(error, GatedRepoError):
        return f"HTTP {status}: {source.repo} asks for consent on its page; give it there, then {_TOKEN}"
    if status in (401, 403):
        return f"HTTP {status}: {source.repo} does not exist, or is private or gated; {_TOKEN}"
    if isinstance(error, RevisionNotFoundError):
        return f"HTTP {status}: {source.repo} has no revision {source.revision}"
    if status == 404:
        return f"HTTP 404: {source.repo} has no file {name} at revision {source.revision}"
    if status is not None:
        return f"HTTP {status}: the server failed"
    if isinstance(error, LocalEntryNotFoundError):
        return unreachable(error)
    return f"the download failed ({one_line(error)})"
