"""The parameters of the download stage."""

from __future__ import annotations

from finesent.params.transfer import DataChoice


class DownloadParams(DataChoice):
    """Which entries of the catalog to fetch."""

    backbone: str
    embeddings: str | None = None
