"""The encoding travels inside the files, and two different ones are never mixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finesent.data.encoding import Encoding, require_same
from finesent.data.tables import read_arrow, write_arrow
from finesent.errors import FinesentError

ENCODING = Encoding(
    input="prompt",
    template="Review: {text}\n“é”",
    max_length=64,
    tokenizer="ab" * 32,
    pad_id=1,
    vocabulary_size=99,
)
MODEL, TOKENS = Path("models/triplet/0"), Path("data/tokenized/prompt/test.parquet")


def table() -> pa.Table:
    return pa.table({"input_ids": pa.array([[2, 3], [2, 5, 3]], pa.list_(pa.int32()))})


def test_what_is_attached_comes_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    write_arrow(path, ENCODING.attach(table()))
    read = read_arrow(path)
    assert Encoding.of(read, path) == ENCODING
    assert read["input_ids"].to_pylist() == table()["input_ids"].to_pylist()


def test_attaching_again_replaces() -> None:
    other = replace(ENCODING, max_length=65)
    assert Encoding.of(other.attach(ENCODING.attach(table())), TOKENS) == other


@pytest.mark.parametrize("metadata", [None, {}, {b"pandas": b"{}"}])
def test_table_without_an_encoding_is_refused(metadata: dict[bytes, bytes] | None) -> None:
    with pytest.raises(FinesentError, match="carries no encoding") as caught:
        Encoding.of(table().replace_schema_metadata(metadata), TOKENS)
    assert caught.value.place == str(TOKENS)
    assert "dvc repro tokenize" in caught.value.remedy


def test_equal_encodings_pass() -> None:
    require_same(ENCODING, replace(ENCODING), MODEL, TOKENS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", "plain"),
        ("template", "{text}"),
        ("max_length", 63),
        ("tokenizer", "cd" * 32),
        ("pad_id", 0),
        ("vocabulary_size", 100),
    ],
)
def test_the_field_that_differs_is_named_with_both_values(field: str, value: Any) -> None:
    trained = getattr(ENCODING, field)
    with pytest.raises(FinesentError) as caught:
        require_same(ENCODING, replace(ENCODING, **{field: value}), MODEL, TOKENS)
    assert caught.value.place == str(MODEL)
    assert f"trained on tokens with {field}={trained!r}" in caught.value.problem
    assert f"{TOKENS} has {value!r}" in caught.value.problem
