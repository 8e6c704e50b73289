"""What people said of the rows that are scored: the data set's own raters, and those of a second data set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from finesent.data.duplicates import duplicate_key
from finesent.data.tables import write_arrow

_KEY = b"finesent"


@dataclass(frozen=True)
class SecondOpinion:
    """A data set in which other people labelled some of the same sentences.

    Attributes:
        dataset: its name in catalog/datasets.yaml.
        title: its name in a table.
    """

    dataset: str
    title: str


def second_labels(texts: pd.Series, others: pd.DataFrame) -> list[int | None]:
    """Return the label that a second data set gives each text.

    Texts are matched by their duplicate keys. Where the second data set has a sentence several times,
    and not always with the same label, it has no opinion.

    Args:
        texts: N texts.
        others: the second data set's rows, with ``text`` and ``label``.
    """
    given: dict[str, int | None] = {}
    for text, label in zip(others["text"], others["label"], strict=True):
        if given.setdefault(duplicate_key(text), int(label)) != label:
            given[duplicate_key(text)] = None
    return [given.get(duplicate_key(text)) for text in texts]


def write_panel(
    path: Path, splits: dict[str, pd.DataFrame], others: pd.DataFrame | None, second: SecondOpinion | None
) -> int:
    """Write the columns ``id, split, ratings, second_label`` of dev and test.

    ``ratings`` (list of int64) is what each person said, as published: whole numbers from -4 to 4 in the data
    of vaderSentiment (:func:`finesent.data.readers.rating_class` cuts them into classes); it is empty where
    the data has none. ``second_label`` (int64) is null where the second data set has no such sentence. What
    that is called stands in the schema's metadata, as JSON.

    Args:
        path: of the Parquet file.
        splits: rows with ``id`` (and ``ratings``) of ``dev`` and ``test``; with ``text`` too, if there are
            ``others``.
        others: the second data set's rows; None if there is none.
        second: what it is called.

    Returns:
        How many rows have a label in the second data set.
    """
    rows = pd.concat([splits[name].assign(split=name) for name in ("dev", "test")], ignore_index=True)
    labels = [None] * len(rows) if others is None else second_labels(rows["text"], others)
    ratings = rows["ratings"].tolist() if "ratings" in rows.columns else [[]] * len(rows)
    table = pa.table(
        {
            "id": pa.array(rows["id"], pa.string()),
            "split": pa.array(rows["split"], pa.string()),
            "ratings": pa.array(ratings, pa.list_(pa.int64())),
            "second_label": pa.array(labels, pa.int64()),
        }
    )
    about = json.dumps(asdict(second) if second else None, sort_keys=True).encode()
    write_arrow(path, table.replace_schema_metadata({_KEY: about}))
    return len(labels) - labels.count(None)
