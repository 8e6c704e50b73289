"""clean: from the published files to rows of ``id, text, label`` in three splits.

Applies the cleaning recipe, cuts splits where the data has none, takes duplicates out of train, and
writes every count to metrics/clean.json. Dev and test lose nothing but rows without text.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from finesent.catalog.entries import dataset
from finesent.data.cleaning import apply_recipe, remove_duplicates
from finesent.data.readers import read_raw
from finesent.data.splits import split_by_hash
from finesent.data.tables import SPLITS, class_counts, require_every_class, write_rows
from finesent.errors import FinesentError
from finesent.files import write_json
from finesent.params.clean import CleanParams
from finesent.params.reading import read_params
from finesent.stage import run_stage

RAW = Path("data/raw")
CLEAN = Path("data/clean")
METRICS = Path("metrics/clean.json")


def main() -> str:
    """Clean the data set that params.yaml names."""
    params = read_params(CleanParams)
    entry = dataset(params.dataset)
    cleaned: dict[str, pd.DataFrame] = {}
    empty: dict[str, int] = {}
    for name, rows in read_raw(RAW, entry).items():
        cleaned[name], empty[name] = apply_recipe(rows, params.clean.recipe)
    splits = split_by_hash(cleaned["all"]) if "all" in cleaned else cleaned
    splits["train"], duplicates = remove_duplicates(splits, params.clean)
    for name in ("train", "dev"):
        require_every_class(
            splits[name],
            entry.labels,
            f"data/clean/{name}",
            "use data in which every class occurs, or a catalog entry with fewer labels",
        )
    if splits["test"].empty:
        raise FinesentError("data/clean/test", "has no row with a text", "use data with something to test on")
    for name in SPLITS:
        write_rows(CLEAN / f"{name}.parquet", splits[name])
    write_json(
        METRICS,
        {
            "rows": {name: len(splits[name]) for name in SPLITS},
            "dropped_without_text": empty,
            "duplicates": duplicates,
            "classes": {name: class_counts(splits[name], len(entry.labels)) for name in SPLITS},
        },
    )
    sizes = ", ".join(f"{len(splits[name])} {name}" for name in SPLITS)
    copies = duplicates["train_dropped_as_duplicates"]
    return f"clean: {sizes}; dropped {sum(empty.values())} without text and {copies} duplicates"


if __name__ == "__main__":
    run_stage(main)
