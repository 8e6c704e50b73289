"""Fetch the data set and the backbone, byte for byte as published.

Each catalog entry lists its sources in order; the first that gives files of the right sha256, rows
and labels is taken. They land in data/raw and data/backbone, with a source.json that says where they
came from.
"""

from __future__ import annotations

from pathlib import Path

from finesent.catalog import entries
from finesent.data.readers import check_published, read_raw
from finesent.params.download import DownloadParams
from finesent.params.reading import read_params
from finesent.sources.fetch import Fetched, fetch
from finesent.stage import run_stage

RAW = Path("data/raw")
BACKBONE = Path("data/backbone")


def main() -> str:
    """Fetch both entries; return one line with rows, sources and sizes.

    Raises:
        FinesentError: an entry is unknown, or no source gave it.
    """
    params = read_params(DownloadParams)
    dataset = entries.dataset(params.dataset)
    backbone = entries.backbone(params.backbone)
    rows: dict[str, int] = {}

    def check(folder: Path, layout: str) -> None:
        frames = read_raw(folder, dataset)
        check_published(frames, dataset, f"{params.dataset} (layout {layout})")
        rows.update({split: len(frame) for split, frame in frames.items()})

    raw = fetch(params.dataset, dataset, RAW, check)
    weights = fetch(params.backbone, backbone, BACKBONE)
    counts = ", ".join(f"{split} {count}" for split, count in rows.items())
    return f"{params.dataset}: {counts} rows, {_origin(raw)}; {params.backbone}: {_origin(weights)}"


def _origin(fetched: Fetched) -> str:
    return f"{fetched.size / 1e6:.1f} MB from {fetched.source}"


if __name__ == "__main__":
    run_stage(main)
