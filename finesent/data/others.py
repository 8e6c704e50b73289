"""The data sets beside the study's own: which of them can be used for what, and what is used of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from finesent.catalog.entries import dataset
from finesent.catalog.schema import Dataset
from finesent.data.schemes import coarser
from finesent.errors import FinesentError
from finesent.params.transfer import DataChoice, TransferSet

if TYPE_CHECKING:
    import pandas as pd

# Rows of a split, in whatever form.
RowsT = TypeVar("RowsT")


def transfer_entry(name: str, chosen: TransferSet, study: Dataset) -> Dataset:
    """Return the catalog entry of a further test set.

    Raises:
        FinesentError: there is no such entry, or it is to be scored at a number of classes that its
            labels or the study's cannot be read as: a model has no class that it never saw.
    """
    entry = dataset(chosen.dataset, key=f"transfer.{name}.dataset")
    for classes in chosen.classes:
        for owner, labels in ((chosen.dataset, entry.labels), ("the study's data set", study.labels)):
            try:
                coarser(len(labels), classes)
            except ValueError as error:
                raise FinesentError(
                    f"params.yaml: transfer.{name}.classes",
                    f"cannot be scored at {classes} classes: {owner} has {len(labels)}, and {error}",
                    f"take {classes} out, or another data set",
                ) from error
    return entry


def panel_entry(name: str, study: Dataset) -> Dataset:
    """Return the catalog entry of the data set whose raters are the second opinion.

    Raises:
        FinesentError: there is no such entry, or it has another number of classes than the study's.
    """
    entry = dataset(name, key="panel")
    if len(entry.labels) != len(study.labels):
        raise FinesentError(
            "params.yaml: panel",
            f"{name} has {len(entry.labels)} classes and the study's data set {len(study.labels)}, "
            "so their labels cannot agree",
            "name a data set with the same classes, or leave it empty",
        )
    return entry


def raters_entry(name: str) -> Dataset:
    """Return the catalog entry of the data set whose single ratings become soft labels.

    Raises:
        FinesentError: there is no such entry, or it holds no single ratings.
    """
    entry = dataset(name, key="raters")
    if any(layout.format != "vader-ratings" for layout in entry.layouts.values()):
        raise FinesentError(
            "params.yaml: raters",
            f"{name} does not say what each person said",
            "name a data set whose catalog entry has the format vader-ratings, or leave it empty",
        )
    return entry


def check_choice(choice: DataChoice, study: Dataset) -> dict[str, Dataset]:
    """Return the catalog entry of every data set besides the study's own, each once, by its name there.

    Raises:
        FinesentError: one of them is unknown, or cannot be used as params.yaml says.
    """
    entries = {
        chosen.dataset: transfer_entry(name, chosen, study) for name, chosen in choice.transfer.items()
    }
    if choice.panel is not None:
        entries[choice.panel] = panel_entry(choice.panel, study)
    if choice.raters is not None:
        entries[choice.raters] = raters_entry(choice.raters)
    return entries


def rows_to_test_on(splits: dict[str, RowsT]) -> RowsT:
    """Return the published test split, or all rows of data without splits."""
    return splits["test"] if "test" in splits else splits["all"]


def all_rows(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all splits, one after the other."""
    # Not for who only looks at what is chosen: it takes a while to load.
    import pandas as pd

    return pd.concat(list(frames.values()), ignore_index=True)


def draw_transfer(rows: pd.DataFrame, size: int | None, name: str) -> pd.DataFrame:
    """Draw rows of a further test set, in their order: those whose ids have the smallest sha256.

    So the draw needs no seed, a larger one holds a smaller one, and rows added later move only those
    that they push out.

    Args:
        rows: what is left of the set once shared rows are out.
        size: how many; None takes all.
        name: of the set in params.yaml, for the errors.

    Raises:
        FinesentError: no row is left, or fewer than ``size``.
    """
    if rows.empty:
        raise FinesentError(
            f"params.yaml: transfer.{name}",
            "no row is left once those without a text and those that train shares are out",
            "take another data set to test on",
        )
    if size is not None and size > len(rows):
        raise FinesentError(
            f"params.yaml: transfer.{name}.rows",
            f"{size} rows are asked for and there are {len(rows)}",
            "lower it, or set it to null to take every row",
        )
    digests = [hashlib.sha256(identifier.encode("utf-8")).hexdigest() for identifier in rows["id"]]
    chosen = np.sort(np.argsort(digests, kind="stable")[:size])
    return rows.iloc[chosen].reset_index(drop=True)
