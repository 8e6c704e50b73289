"""clean: from the published files to rows of ``id, text, label`` in three splits and further test sets.

Applies the cleaning recipe, cuts the splits that the data lacks, takes duplicates out of train and what train
shares out of the further test sets, and writes every count to metrics/clean.json and metrics/data.json. Dev
and test lose nothing but rows without text. Train's sentences give their phrases, where they are published
with their trees, and get soft labels from another data set's raters, where params.yaml names one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from finesent.catalog.entries import dataset
from finesent.catalog.schema import Dataset
from finesent.data.cleaning import apply_recipe, remove_duplicates
from finesent.data.description import describe
from finesent.data.others import all_rows, check_choice, draw_transfer, rows_to_test_on
from finesent.data.overlaps import Overlaps, compared, find_overlaps, write_pairs
from finesent.data.panel import SecondOpinion, write_panel
from finesent.data.phrases import find_phrases
from finesent.data.raters import join_ratings
from finesent.data.readers import read_raw, read_train_trees
from finesent.data.recurring import write_recurring
from finesent.data.splits import study_splits
from finesent.data.tables import SPLITS, class_counts, require_every_class, write_rows
from finesent.data.transfer import TransferInfo, transfer_file, write_transfer_index
from finesent.errors import FinesentError
from finesent.files import replacing, write_json
from finesent.params.clean import CleanParams
from finesent.params.reading import read_params
from finesent.stage import run_stage

RAW = Path("data/raw")
OTHERS = Path("data/others")
CLEAN = Path("data/clean")
TRANSFER = CLEAN / "transfer"
METRICS = Path("metrics/clean.json")
DATA_METRICS = Path("metrics/data.json")


def main() -> str:
    """Clean the data sets that params.yaml names."""
    params = read_params(CleanParams)
    entry = dataset(params.dataset)
    entries = check_choice(params, entry)
    own, empty = _cleaned(RAW, entry, params)
    others = {name: _cleaned(OTHERS / name, other, params)[0] for name, other in entries.items()}
    splits = study_splits(own)
    further = {name: rows_to_test_on(others[chosen.dataset]) for name, chosen in params.transfer.items()}
    found = {**{name: splits[name] for name in SPLITS}, **further}

    near = params.clean.near_duplicates
    overlaps = find_overlaps(found, near.similarity if near else None)
    nearly = overlaps.held_by("train", ("dev", "test")) if near and near.action == "drop" else None
    train, duplicates = remove_duplicates(splits, params.clean, nearly)
    kept = {**splits, "train": train}
    _require_rows(kept, entry)
    phrases, supervision = find_phrases(
        read_train_trees(RAW, entry), kept, len(entry.labels), params.clean.recipe
    )
    more: dict[str, Any] = {"phrases": supervision} if supervision["trees"] else {}
    if params.raters is not None:
        ratings = join_ratings(kept, all_rows(others[params.raters]), params.clean.soft_labels, entry.labels)
        kept = {**kept, "train": ratings.rows}
        more["ratings"] = ratings.counts()
    drawn, shared = _without_shared(overlaps, params)
    pairs = pd.concat([overlaps.pairs(*both) for both in compared(found)], ignore_index=True)
    labels = dict.fromkeys(SPLITS, entry.labels) | {
        name: entries[chosen.dataset].labels for name, chosen in params.transfer.items()
    }
    described = describe(found, labels, pairs, near is not None)

    for name in SPLITS:
        write_rows(CLEAN / f"{name}.parquet", kept[name])
    write_rows(CLEAN / "phrases.parquet", phrases)
    write_recurring(CLEAN / "recurring.parquet", kept, phrases)
    _write_transfer(drawn, shared, entries, params)
    second = None if params.panel is None else SecondOpinion(params.panel, entries[params.panel].title)
    write_panel(
        CLEAN / "panel.parquet", kept, all_rows(others[params.panel]) if params.panel else None, second
    )
    write_pairs(CLEAN / "duplicates.parquet", pairs)
    write_json(
        METRICS,
        {
            "rows": {name: len(kept[name]) for name in SPLITS},
            "dropped_without_text": empty,
            "duplicates": duplicates,
            "classes": {name: class_counts(kept[name], len(entry.labels)) for name in SPLITS},
            **more,
        },
    )
    write_json(
        DATA_METRICS,
        {
            **described,
            "transfer_shared_with_train": shared,
            "train_dropped_as_near_duplicates": duplicates["train_dropped_as_near_duplicates"],
        },
    )
    if in_order := [name for name, flag in described["sorted_by_label"].items() if flag]:
        print(
            f"warning: the rows of {', '.join(in_order)} stand sorted by label; never cut them by position",
            file=sys.stderr,
        )
    sizes = ", ".join(f"{len(rows)} {name}" for name, rows in {**kept, **drawn}.items())
    copies = duplicates["train_dropped_as_duplicates"] + duplicates["train_dropped_as_near_duplicates"]
    return f"clean: {sizes}; dropped {sum(empty.values())} without text and {copies} duplicates"


def _cleaned(
    folder: Path, entry: Dataset, params: CleanParams
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Read a data set; return its rows with a text, and how many had none, by split as published."""
    kept: dict[str, pd.DataFrame] = {}
    empty: dict[str, int] = {}
    for split, rows in read_raw(folder, entry).items():
        kept[split], empty[split] = apply_recipe(rows, params.clean.recipe)
    return kept, empty


def _require_rows(splits: dict[str, pd.DataFrame], entry: Dataset) -> None:
    for name in ("train", "dev"):
        require_every_class(
            splits[name],
            entry.labels,
            f"data/clean/{name}",
            "use data in which every class occurs, or a catalog entry with fewer labels",
        )
    if splits["test"].empty:
        raise FinesentError("data/clean/test", "has no row with a text", "use data with something to test on")


def _without_shared(
    overlaps: Overlaps, params: CleanParams
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Return the further test sets without what train shares, drawn, and how many rows that took out."""
    drawn, counts = {}, {}
    for name, chosen in params.transfer.items():
        shared = overlaps.held_by(name, ("train",))
        drawn[name] = draw_transfer(overlaps.splits[name][~shared], chosen.rows, name)
        counts[name] = int(shared.sum())
    return drawn, counts


def _write_transfer(
    drawn: dict[str, pd.DataFrame],
    shared: dict[str, int],
    entries: dict[str, Dataset],
    params: CleanParams,
) -> None:
    index = {
        name: TransferInfo(
            dataset=chosen.dataset,
            title=entries[chosen.dataset].title,
            labels=entries[chosen.dataset].labels,
            classes=list(chosen.classes),
            rows=len(drawn[name]),
            shared_with_train=shared[name],
        )
        for name, chosen in params.transfer.items()
    }
    with replacing(TRANSFER) as folder:
        for name, rows in drawn.items():
            write_rows(transfer_file(folder, name), rows[["id", "text", "label"]])
        write_transfer_index(folder, index)


if __name__ == "__main__":
    run_stage(main)
