"""Fetch the study's data sets, backbone and, if it names any, word vectors, byte for byte as published.

Each catalog entry lists its sources in order; the first that gives files of the right sha256, rows
and labels is taken. They land in data/raw, data/others, data/backbone and data/embeddings, with a
source.json that says where they came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from finesent.catalog import entries
from finesent.catalog.schema import Dataset
from finesent.data.others import check_choice
from finesent.data.pieces import Piece
from finesent.data.readers import check_published, read_splits
from finesent.files import replacing
from finesent.params.download import DownloadParams
from finesent.params.reading import read_params
from finesent.sources.fetch import Fetched, fetch
from finesent.stage import run_stage

DATA = Path("data")
RAW = DATA / "raw"
OTHERS = DATA / "others"
BACKBONE = DATA / "backbone"
EMBEDDINGS = DATA / "embeddings"


def main() -> str:
    """Fetch all entries; return one line with rows, sources and sizes.

    Raises:
        FinesentError: an entry is unknown or cannot be used as params.yaml says, or no source gave it.
    """
    params = read_params(DownloadParams)
    dataset = entries.dataset(params.dataset)
    others = check_choice(params, dataset)
    backbone = entries.backbone(params.backbone)
    vectors = entries.embeddings(params.embeddings) if params.embeddings else None
    with _kept_packages() as kept, replacing(OTHERS) as folder:
        told = [_fetch_data(params.dataset, dataset, RAW, kept)]
        # There is a folder even if nothing goes into it: DVC expects one.
        folder.mkdir()
        told += [_fetch_data(name, entry, folder / name, kept) for name, entry in others.items()]
        told.append(f"{params.backbone}: {_origin(fetch(params.backbone, backbone, BACKBONE))}")
        if params.embeddings and vectors:
            told.append(f"{params.embeddings}: {_origin(fetch(params.embeddings, vectors, EMBEDDINGS))}")
        else:
            with replacing(EMBEDDINGS) as empty:
                empty.mkdir()
    return "; ".join(told)


@contextmanager
def _kept_packages() -> Iterator[Path]:
    """Give a folder for Python packages that several entries come out of; it goes when the stage ends."""
    DATA.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=DATA, prefix=".packages-") as folder:
        yield Path(folder)


def _fetch_data(name: str, entry: Dataset, target: Path, kept: Path) -> str:
    rows: dict[str, int] = {}

    def check(folder: Path, layout: str) -> None:
        counts = {
            split: _rows_by_class(pieces, len(entry.labels))
            for split, pieces in read_splits(folder, entry).items()
        }
        check_published(counts, entry, f"{name} (layout {layout})")
        rows.update({split: sum(found) for split, found in counts.items()})

    fetched = fetch(name, entry, target, check, kept=kept)
    counts = ", ".join(f"{split} {count}" for split, count in rows.items())
    return f"{name}: {counts} rows, {_origin(fetched)}"


def _rows_by_class(pieces: Iterator[Piece], classes: int) -> list[int]:
    counts = np.zeros(classes, dtype=np.int64)
    for piece in pieces:
        counts += np.bincount(piece.read()["label"].to_numpy(), minlength=classes)
    return [int(count) for count in counts]


def _origin(fetched: Fetched) -> str:
    layout = "" if fetched.layout == "default" else f" (layout {fetched.layout})"
    return f"{fetched.size / 1e6:.1f} MB from {fetched.source}{layout}"


if __name__ == "__main__":
    run_stage(main)
