"""Reading a data set and cleaning it on the way, piece by piece and on every core."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from finesent.catalog.schema import Dataset
from finesent.data.parallel import in_order
from finesent.data.pieces import Piece
from finesent.data.preparation import prepare
from finesent.data.readers import read_splits
from finesent.data.rows import Rows, Stored, store


@dataclass(frozen=True)
class Cleaner:
    """How data sets are cleaned, where their rows are kept meanwhile, and who does it.

    Attributes:
        recipe: a name of :data:`finesent.data.cleaning.RECIPES`.
        folder: for the rows, a file for each piece, and for what is told of them.
        pool: processes that read and clean.
    """

    recipe: str
    folder: Path
    pool: ProcessPoolExecutor

    def read(self, raw: Path, entry: Dataset) -> tuple[dict[str, Rows], dict[str, int]]:
        """Read a fetched data set; return its rows with a text, and how many had none, by split as published.

        Raises:
            FinesentError: as :func:`finesent.data.readers.read_splits`.
        """
        kept: dict[str, Rows] = {}
        empty: dict[str, int] = {}
        for split, pieces in read_splits(raw, entry).items():
            clean = partial(_clean, recipe=self.recipe, stem=self.folder / f"{raw.name}-{split}")
            kept[split], count = Rows.of(in_order(self.pool, clean, enumerate(pieces)), self.folder)
            empty[split] = count - len(kept[split])
        return kept, empty


def _clean(numbered: tuple[int, Piece], recipe: str, stem: Path) -> Stored:
    """Read, clean and store a piece; only the numbers of its rows go back to the process that asked."""
    number, piece = numbered
    prepared = prepare(piece.read(), recipe)
    return store(prepared, stem.with_name(f"{stem.name}-{number}.arrow"), piece.rows)
