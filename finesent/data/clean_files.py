"""The files that clean leaves, and its counts, of the rows that it read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from finesent.catalog.schema import Dataset
from finesent.data.copies import remove_duplicates
from finesent.data.description import describe
from finesent.data.others import all_rows, draw_transfer, rows_to_test_on
from finesent.data.overlaps import Overlaps, compared, find_overlaps, require_few, write_pairs
from finesent.data.panel import SecondOpinion, write_panel
from finesent.data.phrases import find_phrases
from finesent.data.raters import join_ratings
from finesent.data.readers import read_train_trees
from finesent.data.recurring import write_recurring
from finesent.data.rows import Rows
from finesent.data.tables import (
    ROW_GROUP,
    SPLITS,
    TYPES,
    class_counts,
    require_every_class,
    write_row_groups,
    write_rows,
)
from finesent.data.transfer import TransferInfo, transfer_file, write_transfer_index
from finesent.errors import FinesentError
from finesent.files import replacing, write_json
from finesent.params.clean import CleanParams

_RAW = Path("data/raw")
_CLEAN = Path("data/clean")
_TRANSFER = _CLEAN / "transfer"
_METRICS = Path("metrics/clean.json")
_DATA_METRICS = Path("metrics/data.json")


def write_clean_files(
    params: CleanParams,
    entry: Dataset,
    entries: dict[str, Dataset],
    splits: dict[str, Rows],
    others: dict[str, dict[str, Rows]],
    empty: dict[str, int],
) -> str:
    """Compare the rows that were read, and write data/clean, metrics/clean.json and metrics/data.json.

    Args:
        params: of the stage.
        entry: of the study's own data set.
        entries: of the others, by their names.
        splits: train, dev and test of the study's own.
        others: the rows of the others, by split as published.
        empty: how many of the study's own were without a text, by split as published.

    Returns:
        What was done, in one line.

    Raises:
        FinesentError: a class of train or dev has no row, test has none, there are too many rows to look for
            near duplicates among, or what params.yaml asks of other data sets cannot be done.
    """
    further = {name: rows_to_test_on(others[chosen.dataset]) for name, chosen in params.transfer.items()}
    found = {**{name: splits[name] for name in SPLITS}, **further}
    near = params.clean.near_duplicates
    if near:
        require_few(sum(map(len, found.values())))
    overlaps = find_overlaps(found, near.similarity if near else None)
    nearly = overlaps.held_by("train", ("dev", "test")) if near and near.action == "drop" else None
    train, duplicates = remove_duplicates(splits, params.clean, nearly)
    kept = {**splits, "train": train}
    _require_rows(kept, entry)
    trees = read_train_trees(_RAW, entry)
    frames = _frames(kept, bool(trees) or params.raters is not None or params.panel is not None)
    phrases, supervision = find_phrases(trees, frames, len(entry.labels), params.clean.recipe)
    more: dict[str, Any] = {"phrases": supervision} if supervision["trees"] else {}
    ratings = None
    if params.raters is not None:
        rated = all_rows(_frames(others[params.raters], True))
        ratings = join_ratings(frames, rated, params.clean.soft_labels, entry.labels)
        more["ratings"] = ratings.counts()
    drawn, shared = _without_shared(overlaps, params)
    labels = dict.fromkeys(SPLITS, entry.labels) | {
        name: entries[chosen.dataset].labels for name, chosen in params.transfer.items()
    }
    with _writing(kept, None if ratings is None else ratings.rows):
        pairs = overlaps.pairs(*compared(found))
        described = describe(found, labels, pairs, near is not None)
        write_rows(_CLEAN / "phrases.parquet", phrases)
        write_recurring(_CLEAN / "recurring.parquet", frames, phrases)
        _write_transfer(drawn, shared, entries, params)
        second = None if params.panel is None else SecondOpinion(params.panel, entries[params.panel].title)
        panel = None if params.panel is None else all_rows(_frames(others[params.panel], True))
        write_panel(_CLEAN / "panel.parquet", frames, panel, second)
        write_pairs(_CLEAN / "duplicates.parquet", pairs)
    write_json(
        _METRICS,
        {
            "rows": {name: len(kept[name]) for name in SPLITS},
            "dropped_without_text": empty,
            "duplicates": duplicates,
            "classes": {name: class_counts(kept[name].labels, len(entry.labels)) for name in SPLITS},
            **more,
        },
    )
    write_json(
        _DATA_METRICS,
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
    written = {name: len(rows) for name, rows in kept.items()} | {
        name: len(rows) for name, rows in drawn.items()
    }
    sizes = ", ".join(f"{count} {name}" for name, count in written.items())
    copies = duplicates["train_dropped_as_duplicates"] + duplicates["train_dropped_as_near_duplicates"]
    return f"clean: {sizes}; dropped {sum(empty.values())} without text and {copies} duplicates"


@contextmanager
def _writing(kept: dict[str, Rows], rated: pd.DataFrame | None) -> Iterator[None]:
    """Write the splits, train as ``rated`` if it is, while the block goes on; end when they are written.

    Most of the time of writing is compression, which leaves Python to others.
    """
    with ThreadPoolExecutor(1) as thread:
        written = [
            thread.submit(write_rows, _CLEAN / "train.parquet", rated)
            if name == "train" and rated is not None
            else thread.submit(
                write_row_groups, _CLEAN / f"{name}.parquet", kept[name].row_groups(ROW_GROUP, TYPES)
            )
            for name in SPLITS
        ]
        yield
        for split in written:
            split.result()


def _frames(splits: dict[str, Rows], texts: bool) -> dict[str, pd.DataFrame]:
    """Return the rows as frames; where no ``texts`` are wanted, those of dev and test without them."""
    return {
        name: rows.frame([column for column in rows.columns() if texts or column != "text"])
        for name, rows in splits.items()
        if texts or name != "train"
    }


def _require_rows(splits: dict[str, Rows], entry: Dataset) -> None:
    for name in ("train", "dev"):
        require_every_class(
            splits[name].labels,
            entry.labels,
            f"data/clean/{name}",
            "use data in which every class occurs, or a catalog entry with fewer labels",
        )
    if len(splits["test"]) == 0:
        raise FinesentError("data/clean/test", "has no row with a text", "use data with something to test on")


def _without_shared(
    overlaps: Overlaps, params: CleanParams
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Return the further test sets without what train shares, drawn, and how many rows that took out."""
    drawn, counts = {}, {}
    for name, chosen in params.transfer.items():
        shared = overlaps.held_by(name, ("train",))
        rows = overlaps.splits[name].where(~shared).frame(["id", "text", "label"])
        drawn[name] = draw_transfer(rows, chosen.rows, name)
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
    with replacing(_TRANSFER) as folder:
        for name, rows in drawn.items():
            write_rows(transfer_file(folder, name), rows)
        write_transfer_index(folder, index)
