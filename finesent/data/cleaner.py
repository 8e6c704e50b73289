"""Reading a data set and cleaning it on the way, batch by batch and on every core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from finesent.catalog.schema import Dataset
from finesent.data.parallel import in_order
from finesent.data.preparation import prepare
from finesent.data.readers import read_splits
from finesent.data.rows import Rows, store


@dataclass(frozen=True)
class Cleaner:
    """How data sets are cleaned, where their rows are kept meanwhile, and who does it.

    Attributes:
        recipe: a name of :data:`finesent.data.cleaning.RECIPES`.
        folder: for the rows of every split, a file each.
        pool: processes that clean.
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
        for split, batches in read_splits(raw, entry).items():
            count = _Count()
            cleaned = in_order(self.pool, partial(prepare, recipe=self.recipe), count.over(batches))
            kept[split] = store(cleaned, self.folder / f"{raw.name}-{split}.arrow")
            empty[split] = count.rows - len(kept[split])
        return kept, empty


class _Count:
    """Counts the rows that go by."""

    rows = 0

    def over(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.rows += len(batch)
            yield batch
