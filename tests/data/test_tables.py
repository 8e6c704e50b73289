"""Tables between the stages: damage is noticed, and classes are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data import tables
from finesent.data.tables import (
    class_counts,
    read_arrow,
    read_batches,
    read_rows,
    taken,
    word_counts,
    write_arrow,
    write_batches,
    write_rows,
)
from finesent.errors import FinesentError


def rows(count: int) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(["a", "film", "plot"], 12)) for _ in range(count)]
    return pd.DataFrame({"id": [str(n) for n in range(count)], "text": texts, "label": np.arange(count) % 3})


def test_a_flipped_bit_in_the_data_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_rows(path, rows(200))
    whole, before = path.read_bytes(), read_rows(path)
    # The pages lie between the first four bytes and the footer, whose length is near the end.
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    noticed = 0
    for position in np.random.default_rng(1).integers(4, pages, 150):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(position) % 8
        path.write_bytes(damaged)
        try:
            after = read_rows(path)
        except FinesentError:
            noticed += 1
        else:
            # A bit of a page's header that no reader looks at.
            assert after.equals(before)
    assert noticed > 130


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 25])
def test_the_bytes_do_not_depend_on_how_the_rows_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP", 10)
    shares = [None if n % 3 else [0.5, float(n)] for n in range(count)]
    write_rows(tmp_path / "whole", rows(count).assign(soft_label=pd.Series(shares, dtype=object)))
    whole = (tmp_path / "whole").read_bytes()
    for size in (1, 4, 10, 30):
        read = list(read_batches(tmp_path / "whole", size=size))
        assert all(len(table) <= size for table in read)
        write_batches(tmp_path / "pieces", read)
        assert (tmp_path / "pieces").read_bytes() == whole
    assert pq.ParquetFile(tmp_path / "whole").num_row_groups == max(1, -(-count // 10))


@pytest.mark.parametrize("count", [0, 9, 10, 11, 175])
def test_a_file_is_what_pyarrow_writes_row_group_by_row_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Up to more row groups than a list's short form counts."""
    monkeypatch.setattr(tables, "ROW_GROUP", 10)
    table = pa.Table.from_pandas(rows(count), preserve_index=False).replace_schema_metadata(None)
    write_arrow(tmp_path / "ours", table)
    with pq.ParquetWriter(
        tmp_path / "theirs",
        table.schema,
        compression="zstd",
        use_dictionary=["label"],
        write_statistics=False,
        write_page_checksum=True,
    ) as writer:
        for start in range(0, max(1, count), 10):
            writer.write_table(table[start : start + 10])
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert read_arrow(tmp_path / "ours").equals(table)


def test_a_file_of_one_row_group_is_what_pyarrow_writes_at_once(tmp_path: Path) -> None:
    write_rows(tmp_path / "ours", rows(200))
    table = read_arrow(tmp_path / "ours")
    pq.write_table(
        table,
        tmp_path / "theirs",
        compression="zstd",
        use_dictionary=["label"],
        write_statistics=False,
        write_page_checksum=True,
    )
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_dictionaries_are_kept_of_values_that_recur(tmp_path: Path) -> None:
    shares = pd.Series([[0.5, 0.5, 0.0]] * 50, dtype=object)
    write_rows(tmp_path / "a", rows(50).assign(soft_label=shares))
    columns = pq.ParquetFile(tmp_path / "a").metadata.row_group(0).to_dict()["columns"]
    with_dictionary = [name["path_in_schema"] for name in columns if "RLE_DICTIONARY" in name["encodings"]]
    assert with_dictionary == ["label", "soft_label.list.element"]


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    write_rows(tmp_path / "a", rows(5))
    read = pa.concat_tables(read_batches(tmp_path / "a", ["label", "none", "id"], size=2))
    assert read.column_names == ["id", "label"]
    assert read["id"].to_pylist() == ["0", "1", "2", "3", "4"]
    with pytest.raises(FinesentError, match="the file is missing"):
        next(read_batches(tmp_path / "b"))


@given(positions=st.lists(st.integers(0, 19)).map(sorted), size=st.integers(1, 21))
def test_rows_are_taken_by_their_place_in_all_tables(positions: list[int], size: int) -> None:
    table = pa.table({"n": range(20)})
    pieces = [table[start : start + size] for start in range(0, 20, size)]
    found = pa.concat_tables(taken(pieces, np.array(positions, dtype=np.int64)))
    assert found["n"].to_pylist() == positions


def test_counts_of_words_and_classes() -> None:
    assert list(word_counts(pd.Series(["a b", "", "  one\ttwo three "]))) == [2, 0, 3]
    assert class_counts(rows(7)["label"].to_numpy(), 4) == [3, 2, 2, 0]
