"""The parameters of the download stage."""

from __future__ import annotations

from finesent.validation import Block


class DownloadParams(Block):
    """Which entries of the catalog to fetch."""

    dataset: str
    backbone: str
