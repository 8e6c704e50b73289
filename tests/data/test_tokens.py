"""Splits in memory are the rows that were written, padded only in a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.encoding import Encoding
from finesent.data.tables import read_rows, write_arrow, write_rows
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.errors import FinesentError

PAD = 7
ENCODING = Encoding(
    input="plain", template="{text}", max_length=64, tokenizer="ab" * 32, pad_id=PAD, vocabulary_size=99
)
ragged = st.lists(st.lists(st.integers(0, 98), min_size=1, max_size=12), min_size=1, max_size=12)


def table(rows: list[list[int]]) -> pa.Table:
    columns = {
        "id": pa.array([f"dev-{n}" for n in range(len(rows))], pa.string()),
        "label": pa.array([n % 3 for n in range(len(rows))], pa.int64()),
        "words": pa.array([len(row) * 2 for row in rows], pa.int64()),
        "input_ids": pa.array(rows, pa.list_(pa.int32())),
    }
    return ENCODING.attach(pa.table(columns))


def naive(rows: list[list[int]], chosen: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    longest = max(len(rows[row]) for row in chosen)
    ids = [rows[row] + [PAD] * (longest - len(rows[row])) for row in chosen]
    mask = [[1] * len(rows[row]) + [0] * (longest - len(rows[row])) for row in chosen]
    return ids, mask


def check(split: TokenizedSplit, rows: list[list[int]], chosen: list[int]) -> None:
    ids, mask = split.padded(np.array(chosen))
    assert ids.dtype == mask.dtype == np.int64
    assert (ids.tolist(), mask.tolist()) == naive(rows, chosen)


@given(rows=ragged, data=st.data())
def test_taken_rows_are_those_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "taken.parquet"
    count = len(rows)
    more = {
        "soft_label": pa.array([None if n % 2 else [n / 50, 1 - n / 50] for n in range(count)]),
        "kind": pa.array(["phrase" if n % 3 else "sentence" for n in range(count)]),
        "weight": pa.array([n / 4 for n in range(count)], pa.float32()),
    }
    whole = table(rows)
    for name, column in more.items():
        whole = whole.append_column(name, column)
    write_arrow(path, whole)
    chosen = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=15)))
    split = read_tokens(path).take(chosen)
    check(split, [rows[row] for row in chosen], list(range(len(chosen))))
    assert split.ids == [f"dev-{row}" for row in chosen]
    assert split.labels.tolist() == (chosen % 3).tolist()
    assert split.words.tolist() == [len(rows[row]) * 2 for row in chosen]
    assert split.phrases is not None and split.phrases.tolist() == (chosen % 3 != 0).tolist()
    assert split.weights is not None and split.weights.tolist() == (chosen / 4).tolist()
    assert split.soft_labels is not None
    assert np.isnan(split.soft_labels).all(axis=1).tolist() == (chosen % 2 == 1).tolist()


@given(rows=ragged, data=st.data())
def test_padded_agrees_with_a_loop(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "ragged.parquet"
    write_arrow(path, table(rows))
    split = read_tokens(path)
    numbers = st.integers(0, len(rows) - 1)
    check(split, rows, data.draw(st.lists(numbers, min_size=1, max_size=15), label="chosen"))
    check(split, rows, list(range(len(rows))))


def test_pad_id_inside_a_row_is_a_token_like_any_other(tmp_path: Path) -> None:
    rows = [[1, PAD, 2], [3]]
    write_arrow(tmp_path / "a.parquet", table(rows))
    check(read_tokens(tmp_path / "a.parquet"), rows, [1, 0])


def test_everything_that_was_written_is_read(tmp_path: Path) -> None:
    rows = [[1, 2, 3], [4], [5, 6]]
    path = tmp_path / "dev.parquet"
    write_arrow(path, table(rows))
    split = read_tokens(path)
    assert len(split) == 3
    assert split.ids == ["dev-0", "dev-1", "dev-2"]
    assert split.labels.tolist() == [0, 1, 2]
    assert split.words.tolist() == [6, 2, 4]
    assert split.lengths.tolist() == [3, 1, 2]
    assert split.tokens.tolist() == [1, 2, 3, 4, 5, 6]
    assert split.encoding == ENCODING


def test_files_in_several_pieces_read_the_same(tmp_path: Path) -> None:
    rows = [[n] * (n % 4 + 1) for n in range(20)]
    pq.write_table(table(rows), tmp_path / "a.parquet", row_group_size=3)
    split = read_tokens(tmp_path / "a.parquet")
    assert split.lengths.tolist() == [len(row) for row in rows]
    check(split, rows, list(range(20)))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="the file is missing") as caught:
        read_tokens(tmp_path / "dev.parquet")
    assert caught.value.place == str(tmp_path / "dev.parquet")


def test_empty_split_is_refused(tmp_path: Path) -> None:
    write_arrow(tmp_path / "dev.parquet", table([]))
    with pytest.raises(FinesentError, match="has no row") as caught:
        read_tokens(tmp_path / "dev.parquet")
    assert caught.value.place == str(tmp_path / "dev.parquet")


def test_rows_that_were_never_tokenized_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "dev.parquet", pd.DataFrame({"id": ["a"], "text": ["b"], "label": [0]}))
    with pytest.raises(FinesentError, match="carries no encoding"):
        read_tokens(tmp_path / "dev.parquet")


def spoiled(content: bytes, how: str) -> bytes:
    quarter = len(content) // 4
    return {
        "empty": b"",
        "other": b"id,text,label\n",
        "truncated": content[: 2 * quarter],
        "damaged": content[:quarter] + bytes(2 * quarter) + content[3 * quarter :],
        "footer": content[:-200] + bytes(100) + content[-100:],
    }[how]


@pytest.mark.parametrize("how", ["empty", "other", "truncated", "damaged", "footer"])
def test_damaged_file_is_named(tmp_path: Path, how: str) -> None:
    path = tmp_path / "dev.parquet"
    generator = np.random.default_rng(0)
    write_arrow(path, table(generator.integers(0, 99, (500, 20)).tolist()))
    path.write_bytes(spoiled(path.read_bytes(), how))
    with pytest.raises(FinesentError, match="not a Parquet file") as caught:
        read_tokens(path)
    assert caught.value.place == str(path)


def test_rows_come_back_with_all_their_columns(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "id": ["a", "b"],
            "text": ["é\n“x”", "1"],
            "label": [1, 0],
            "soft_label": [[0.25, 0.75], [1.0, 0.0]],
            "group": ["g", "h"],
            "helper": [1, 2],
        }
    )
    write_rows(tmp_path / "a.parquet", rows)
    read = read_rows(tmp_path / "a.parquet")
    assert list(read.columns) == ["id", "text", "label", "soft_label", "group"]
    assert [list(share) for share in read["soft_label"]] == [[0.25, 0.75], [1.0, 0.0]]
    for column in ("id", "text", "label", "group"):
        assert read[column].tolist() == rows[column].tolist()


def test_index_and_order_of_columns_leave_no_trace_in_the_bytes(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "label": [1, 0]})
    write_rows(tmp_path / "a.parquet", rows)
    write_rows(tmp_path / "b.parquet", rows[["label", "text", "id"]].set_index(pd.Index([5, 3])))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_ratings_are_read_and_rows_without_any_are_nan(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    shares = pa.array([[0.25, 0.75, 0.0], None, [1.0, 0.0, 0.0]], pa.list_(pa.float64()))
    write_arrow(path, table([[1], [2, 3], [4]]).append_column("soft_label", shares))
    soft = read_tokens(path).soft_labels
    assert soft is not None
    assert soft.dtype == np.float32
    assert soft[[0, 2]].tolist() == [[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]
    assert np.isnan(soft[1]).all()


@pytest.mark.parametrize("column", [False, True])
def test_a_split_without_ratings_has_no_soft_labels(tmp_path: Path, column: bool) -> None:
    rows = table([[1], [2]])
    if column:
        rows = rows.append_column("soft_label", pa.array([None, None], pa.list_(pa.float64())))
    write_arrow(tmp_path / "train.parquet", rows)
    assert read_tokens(tmp_path / "train.parquet").soft_labels is None
