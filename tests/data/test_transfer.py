"""The index of a folder of further test sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finesent.data.transfer import TransferInfo, read_transfer_index, transfer_file, write_transfer_index
from finesent.errors import FinesentError

SOUND: dict[str, Any] = {
    "dataset": "d",
    "title": "T",
    "labels": ["low", "high"],
    "classes": [2],
    "rows": 3,
    "shared_with_train": 0,
}


def test_round_trip_keeps_the_order(tmp_path: Path) -> None:
    index = {name: TransferInfo(**{**SOUND, "title": name}) for name in ("zebra", "ant", "bee")}
    write_transfer_index(tmp_path, index)
    assert list(read_transfer_index(tmp_path).items()) == list(index.items())
    assert transfer_file(tmp_path, "ant") == tmp_path / "ant.parquet"


def test_no_test_sets_is_an_index_too(tmp_path: Path) -> None:
    write_transfer_index(tmp_path, {})
    assert read_transfer_index(tmp_path) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rows", 0),
        ("rows", "3"),
        ("shared_with_train", -1),
        ("labels", ["one"]),
        ("classes", []),
        ("more", 1),
    ],
)
def test_a_malformed_index_is_told_by_its_key(tmp_path: Path, key: str, value: Any) -> None:
    (tmp_path / "index.json").write_text(json.dumps({"tweets": {**SOUND, key: value}}))
    with pytest.raises(FinesentError, match=rf"index\.json: tweets\.{key}"):
        read_transfer_index(tmp_path)


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match=r"index\.json: the file is missing"):
        read_transfer_index(tmp_path)
