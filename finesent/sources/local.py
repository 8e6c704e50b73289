"""Files of the user's own, from a folder beside dvc.yaml."""

from __future__ import annotations

from pathlib import Path

from finesent.catalog.schema import LocalSource
from finesent.sources.archives import put_file
from finesent.sources.base import SourceUnavailable, Wanted


class LocalFetcher:
    """Copies files out of ``source.folder``, which is relative to the working directory."""

    def fetch(self, source: LocalSource, wanted: Wanted, folder: Path) -> dict[str, str]:
        """See :class:`finesent.sources.base.Fetcher`."""
        for file in wanted.all():
            origin = Path(source.folder) / file.outer
            if not origin.is_file():
                raise SourceUnavailable(f"there is no file {origin}")
            put_file(origin, folder, file)
        return {"folder": source.folder}
