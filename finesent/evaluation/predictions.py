"""The logits of one ablation, per seed and per item, in memory and as one Parquet file.

Everything that is ever said about an ablation is computed from this file, so that any other statistic
can be computed later without a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finesent.data.tables import read_arrow, write_arrow
from finesent.errors import FinesentError

SPLITS = ("dev", "test")
# A further test set is the split transfer/<name> of the file.
TRANSFER = "transfer/"

_KEY = b"finesent"
_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("seed", pa.int64()),
        ("id", pa.string()),
        ("label", pa.int64()),
        ("words", pa.int64()),
        ("logits", pa.list_(pa.float32())),
    ]
)

# What the metadata says of a further test set, besides its name.
_DESCRIBED = ("dataset", "title", "labels", "classes", "shared_with_train")


@dataclass(frozen=True, eq=False)
class ScoredSplit:
    """One split of N items, scored with S seeds over C classes.

    Attributes:
        ids: N item ids, in data order.
        labels: (N,) int64 classes 0..C-1.
        words: (N,) int64 lengths of the texts in words.
        logits: (S, N, C) float32.
    """

    ids: list[str]
    labels: np.ndarray
    words: np.ndarray
    logits: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """(S, N) int64 classes of the highest logit; of equal ones the lowest class."""
        predicted: np.ndarray = self.logits.argmax(axis=2)
        return predicted


@dataclass(frozen=True, eq=False)
class TransferScored:
    """A further test set of K classes, scored with the models of a study of C classes.

    Attributes:
        dataset: its name in the catalog.
        title: its title in the catalog.
        labels: its own K class names, lowest first.
        classes: at how many classes it is compared.
        shared_with_train: rows taken out because train holds their text.
        split: its items; the labels are classes 0..K-1, the logits over the study's C classes.
    """

    dataset: str
    title: str
    labels: list[str]
    classes: list[int]
    shared_with_train: int
    split: ScoredSplit


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one ablation's frozen models say about dev, test and further test sets.

    Attributes:
        ablation: its name in params.yaml.
        dataset: name of the data set in the catalog.
        labels: C class names, lowest first.
        seeds: S seeds, in the order of the first axis of the logits.
        splits: ``dev`` and ``test``.
        transfer: further test sets by their name in params.yaml.

    Raises:
        FinesentError: a logit is NaN or infinite, a label is no class, or a split has no item.
        ValueError: the shapes contradict each other.
    """

    ablation: str
    dataset: str
    labels: list[str]
    seeds: list[int]
    splits: dict[str, ScoredSplit]
    transfer: dict[str, TransferScored] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(self.splits) != SPLITS:
            raise ValueError(f"splits must be {SPLITS} in this order, found {tuple(self.splits)}")
        for name, split, classes in self.every_split():
            self._check_shapes(name, split)
            self._check_labels(name, split, classes)
            self._check_finite(name, split)

    def every_split(self) -> Iterator[tuple[str, ScoredSplit, int]]:
        """Give dev, test and each ``transfer/<name>``, with the number of classes of its labels."""
        for name, split in self.splits.items():
            yield name, split, len(self.labels)
        for name, scored in self.transfer.items():
            yield TRANSFER + name, scored.split, len(scored.labels)

    def _check_shapes(self, name: str, split: ScoredSplit) -> None:
        items = len(split.ids)
        expected = (len(self.seeds), items, len(self.labels))
        if split.logits.shape != expected or split.labels.shape != (items,) or split.words.shape != (items,):
            raise ValueError(
                f"{name}: expected logits of shape {expected} and one label and length an item, found logits "
                f"{split.logits.shape}, labels {split.labels.shape}, words {split.words.shape}"
            )
        if items == 0:
            raise FinesentError(
                f"{self.ablation}: {name}", "the split has no item", "check the data set, then `dvc repro`"
            )

    def _check_labels(self, name: str, split: ScoredSplit, classes: int) -> None:
        outside = np.flatnonzero((split.labels < 0) | (split.labels >= classes))
        if outside.size:
            first = int(outside[0])
            raise FinesentError(
                f"{self.ablation}: {name}",
                f"item {split.ids[first]!r} has the label {split.labels[first]}, and there are "
                f"{classes} classes",
                "make the labels of the data set's catalog entry fit its data",
            )

    def _check_finite(self, name: str, split: ScoredSplit) -> None:
        for seed, logits in zip(self.seeds, split.logits, strict=True):
            broken = np.flatnonzero(~np.isfinite(logits).all(axis=1))
            if broken.size:
                raise FinesentError(
                    f"{self.ablation}: {name}, seed {seed}",
                    f"the logits of {broken.size} of {len(split.ids)} items are NaN or infinite, "
                    f"the first of them those of {split.ids[int(broken[0])]!r}",
                    "the training diverged: lower learning_rate or max_grad_norm, or set train.precision and "
                    "evaluate.precision to float32",
                )


def items_hash(ids: Sequence[str], labels: np.ndarray) -> str:
    """Return the sha256 over ids and labels in their order: equal where the same items were scored."""
    content = json.dumps([list(ids), labels.tolist()], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write one row per split, seed and item, sorted so; equal predictions give equal bytes."""
    order = np.argsort(predictions.seeds, kind="stable")
    parts = [
        _part(name, predictions.seeds[index], split, split.logits[index])
        for name, split, _ in predictions.every_split()
        for index in order
    ]
    metadata = {
        "ablation": predictions.ablation,
        "dataset": predictions.dataset,
        "labels": predictions.labels,
        "items": {name: items_hash(split.ids, split.labels) for name, split, _ in predictions.every_split()},
        # A list, because the order of params.yaml counts.
        "transfer": [
            {"name": name, **{key: getattr(scored, key) for key in _DESCRIBED}}
            for name, scored in predictions.transfer.items()
        ],
    }
    table = pa.concat_tables(parts).replace_schema_metadata(
        {_KEY: json.dumps(metadata, sort_keys=True).encode()}
    )
    write_arrow(path, table)


def read_predictions(path: Path) -> Predictions:
    """Read what :func:`write_predictions` wrote; the seeds come in ascending order.

    Raises:
        FinesentError: the file is missing, is no prediction file, or is not as it was written.
    """
    table, metadata = _read_table(path)
    # Files of commits from before there were further test sets are read too, by compare --against.
    described = {entry.pop("name"): entry for entry in metadata.get("transfer", [])}
    seeds: dict[str, list[int]] = {}
    splits: dict[str, ScoredSplit] = {}
    for name in (*SPLITS, *(TRANSFER + name for name in described)):
        seeds[name], splits[name] = _scored_split(table, name, path)
        if metadata["items"][name] != items_hash(splits[name].ids, splits[name].labels):
            raise _broken(path, f"the items of {name} are not those that were scored")
        if seeds[name] != seeds["dev"]:
            raise _broken(path, f"dev was scored with the seeds {seeds['dev']} and {name} with {seeds[name]}")
    return Predictions(
        ablation=metadata["ablation"],
        dataset=metadata["dataset"],
        labels=metadata["labels"],
        seeds=seeds["dev"],
        splits={name: splits[name] for name in SPLITS},
        transfer={
            name: TransferScored(**entry, split=splits[TRANSFER + name]) for name, entry in described.items()
        },
    )


def check_paired(first: Predictions, second: Predictions, split: str | None = None) -> None:
    """Refuse to compare two ablations item by item and seed by seed unless both are the same.

    Args:
        first: one ablation.
        second: another.
        split: ``dev``, ``test`` or ``transfer/<name>``; None for all that either of them has.

    Raises:
        FinesentError: their classes, their items (by content) or their seeds differ.
    """
    place = f"{first.ablation} and {second.ablation}"
    remedy = f"run `dvc repro evaluate@{first.ablation} evaluate@{second.ablation}`"
    if first.labels != second.labels:
        raise FinesentError(place, f"have other classes: {first.labels} and {second.labels}", remedy)
    ours, theirs = _scored_items(first), _scored_items(second)
    for name in [split] if split else {**ours, **theirs}:
        if name not in ours or ours[name] != theirs.get(name):
            raise FinesentError(place, f"were not scored on the same {name} items", remedy)
    if first.seeds != second.seeds:
        raise FinesentError(place, f"were scored with other seeds: {first.seeds} and {second.seeds}", remedy)


def _scored_items(predictions: Predictions) -> dict[str, tuple[str, int]]:
    return {
        name: (items_hash(split.ids, split.labels), classes)
        for name, split, classes in predictions.every_split()
    }


def _part(name: str, seed: int, split: ScoredSplit, logits: np.ndarray) -> pa.Table:
    items, classes = logits.shape
    offsets = np.arange(0, items * classes + 1, classes, dtype=np.int32)
    flat = np.ascontiguousarray(logits, dtype=np.float32).ravel()
    columns = [
        pa.repeat(pa.scalar(name), items),
        pa.repeat(pa.scalar(seed, pa.int64()), items),
        pa.array(split.ids, pa.string()),
        pa.array(split.labels, pa.int64()),
        pa.array(split.words, pa.int64()),
        pa.ListArray.from_arrays(offsets, flat),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _read_table(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    table = read_arrow(path, f"dvc repro evaluate@{path.stem}")
    metadata = table.schema.metadata or {}
    if _KEY not in metadata or not table.schema.equals(_SCHEMA):
        raise _broken(path, "not a file that evaluate wrote")
    return table, json.loads(metadata[_KEY])


def _scored_split(table: pa.Table, name: str, path: Path) -> tuple[list[int], ScoredSplit]:
    rows = table.filter(pc.equal(table["split"], name))
    column = rows["seed"].to_numpy()
    seeds = np.unique(column)
    items = len(rows) // max(1, len(seeds))
    if len(rows) == 0 or not np.array_equal(column, np.repeat(seeds, items)):
        raise _broken(path, f"the rows of {name} are not one block of all items for each seed")
    first = rows.slice(0, items)
    for start in range(items, len(rows), items):
        if (
            not rows.slice(start, items)
            .select(["id", "label", "words"])
            .equals(first.select(["id", "label", "words"]))
        ):
            raise _broken(path, f"the seeds of {name} were not scored on the same items")
    lists = rows["logits"].combine_chunks()
    split = ScoredSplit(
        ids=first["id"].to_pylist(),
        labels=first["label"].to_numpy(),
        words=first["words"].to_numpy(),
        logits=lists.flatten().to_numpy().reshape(len(seeds), items, -1),
    )
    return [int(seed) for seed in seeds], split


def _broken(path: Path, problem: str) -> FinesentError:
    return FinesentError(str(path), problem, f"delete it and run `dvc repro evaluate@{path.stem}`")
