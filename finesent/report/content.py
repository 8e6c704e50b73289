"""What the page is made from. Building it reads files; showing it (page.py) reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finesent.evaluation.results import Comparison


@dataclass(frozen=True)
class Curve:
    """Points of one curve, x and y of equal length."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class AblationDetails:
    """What the page shows of one ablation besides its row of the table.

    Attributes:
        confusion: (C, C) counts summed over seeds: row is the true class, column the predicted one.
        per_class: dicts with ``label``, ``precision``, ``recall``, ``f1``, ``support``.
        per_length_bin: dicts with ``shortest``, ``longest``, ``n``, ``accuracy``.
        distances: share of test items by |predicted - true class|, 0 to C - 1, mean over seeds.
        calibration: dicts with ``confidence``, ``accuracy`` and ``n`` of each bin that has items.
        roc: by class name, one class against the rest, of the mean probabilities over seeds.
        precision_recall: likewise.
        history: rows of plots/<ablation>/history.csv, as dicts with numbers.
    """

    confusion: list[list[int]]
    per_class: list[dict[str, Any]]
    per_length_bin: list[dict[str, Any]]
    distances: list[float]
    calibration: list[dict[str, float]]
    roc: dict[str, Curve]
    precision_recall: dict[str, Curve]
    history: list[dict[str, float]]


@dataclass(frozen=True)
class Answer:
    """What the seeds of one ablation say about one item.

    Attributes:
        predicted: class of the highest probability, of the mean over seeds.
        confidence: that mean probability.
        right: how many seeds have the class right.
    """

    predicted: int
    confidence: float
    right: int


@dataclass(frozen=True)
class Item:
    """One test item of the error explorer; ``answers`` by ablation."""

    id: str
    text: str
    label: int
    words: int
    answers: dict[str, Answer]


@dataclass(frozen=True)
class NearDuplicate:
    """An example of two rows that nearly (similarity < 1) or exactly repeat each other."""

    kind: str
    first_split: str
    first_text: str
    first_label: str
    second_split: str
    second_text: str
    second_label: str
    similarity: float


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        commit: git commit at which compare ran, with ``+ uncommitted changes`` where there were any;
            null outside a repository.
        params: text of params.yaml.
        files: sha256 by catalog entry, layout and file, of all data sets and the backbone as fetched.
        versions: of Python and of the libraries that decide the numbers.
        devices: device and precision of training, by ablation.
    """

    commit: str | None
    params: str
    files: dict[str, str]
    versions: dict[str, str]
    devices: dict[str, str]


@dataclass(frozen=True)
class Content:
    """Everything on the page.

    Attributes:
        details: by ablation.
        items: the test items, or the hardest of them where there are too many to carry.
        items_left_out: how many test items ``items`` does not hold.
        data: content of metrics/data.json.
    """

    comparison: Comparison
    details: dict[str, AblationDetails]
    items: list[Item]
    items_left_out: int
    data: dict[str, Any]
    near_duplicates: list[NearDuplicate]
    provenance: Provenance
