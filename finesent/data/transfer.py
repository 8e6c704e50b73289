"""Further test sets in a folder: one Parquet file each, and an index that says what each of them is.

clean writes such a folder with the rows, tokenize one an input with their tokens; the index is the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from finesent.files import read_json, write_json
from finesent.validation import Block, parse

INDEX = "index.json"


class TransferInfo(Block):
    """What a further test set is.

    Attributes:
        dataset: its name in catalog/datasets.yaml.
        title: its name in a table.
        labels: its own class names, lowest first; the ``label`` column counts in these.
        classes: at how many classes it is scored, each 5, 3 or 2.
        rows: in its file.
        shared_with_train: rows that were taken out because the training set has them, or nearly.
    """

    dataset: str
    title: str
    labels: Annotated[list[str], Field(min_length=2)]
    classes: Annotated[list[int], Field(min_length=1)]
    rows: Annotated[int, Field(ge=1)]
    shared_with_train: Annotated[int, Field(ge=0)]


class _Index(RootModel[dict[str, TransferInfo]]):
    """The whole of index.json, in the order of params.yaml."""


def read_transfer_index(folder: Path) -> dict[str, TransferInfo]:
    """Return what each test set in ``folder`` is, by its name in params.yaml and in that order.

    Raises:
        FinesentError: the index is missing or malformed.
    """
    path = folder / INDEX
    return parse(_Index, read_json(path), str(path)).root


def write_transfer_index(folder: Path, index: dict[str, TransferInfo]) -> None:
    """Write the index of ``folder``."""
    write_json(folder / INDEX, {name: info.model_dump(mode="json") for name, info in index.items()})


def transfer_file(folder: Path, name: str) -> Path:
    """Return where the rows, or the tokens, of one test set lie in ``folder``."""
    return folder / f"{name}.parquet"
