"""Stored rows are selected and read as a frame's are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.bulk import copy_hashes, text_hashes
from tests.data.stored import rows_of


def frame(count: int) -> pd.DataFrame:
    columns = {
        "id": [f"x-{n}" for n in range(count)],
        "text": [f"word {'and ' * (n % 3)}{n % 5}" for n in range(count)],
        "label": [n % 2 for n in range(count)],
    }
    return pd.DataFrame(columns).astype({"id": "str", "text": "str", "label": "int64"})


def test_the_numbers_of_rows_are_those_of_their_texts() -> None:
    given_rows = frame(20)
    rows = rows_of(given_rows)
    texts = pa.array(given_rows["text"].tolist(), pa.string())
    assert len(rows) == 20
    assert rows.labels.tolist() == given_rows["label"].tolist()
    assert rows.words.tolist() == [len(text.split()) for text in texts.to_pylist()]
    assert rows.texts.tolist() == text_hashes(texts).tolist()
    assert rows.copies.tolist() == copy_hashes(texts).tolist()
    pd.testing.assert_frame_equal(rows.frame(), given_rows)


def test_rows_without_a_text_are_left_out() -> None:
    blank = frame(20)
    blank.loc[[0, 3, 7, 8, 9, 10, 11, 12, 13, 19], "text"] = " "
    rows = rows_of(blank)
    assert rows.frame()["id"].tolist() == [f"x-{n}" for n in (1, 2, 4, 5, 6, 14, 15, 16, 17, 18)]
    assert len(rows_of(blank[:1])) == 0


@given(kept=st.lists(st.booleans(), min_size=20, max_size=20), data=st.data())
def test_rows_are_selected_and_taken(kept: list[bool], data: st.DataObject) -> None:
    whole = frame(20)
    expected = whole[np.array(kept)].reset_index(drop=True)
    rows = rows_of(whole).where(np.array(kept))
    pd.testing.assert_frame_equal(rows.frame(), expected)
    assert rows.labels.tolist() == expected["label"].tolist()
    numbers = data.draw(st.lists(st.integers(0, max(0, len(rows) - 1)), max_size=9 if len(rows) else 0))
    found = rows.take(np.array(numbers, dtype=np.int64), ["id", "label"])
    pd.testing.assert_frame_equal(found, expected.iloc[numbers][["id", "label"]].reset_index(drop=True))


@given(kept=st.lists(st.booleans(), min_size=20, max_size=20), size=st.integers(1, 25))
def test_row_groups_are_the_rows_in_their_order(kept: list[bool], size: int) -> None:
    rows = rows_of(frame(20)).where(np.array(kept))
    groups = [read() for read in rows.row_groups(size, ["text", "id"])]
    assert [len(group) for group in groups[:-1]] == [size] * (len(groups) - 1)
    assert 0 < len(groups[-1]) <= size or len(rows) == 0
    assert all(column.num_chunks <= 1 for group in groups for column in group.columns)
    found = pa.concat_tables(groups)
    assert found.column_names == ["text", "id"]
    assert found.to_pylist() == frame(20)[np.array(kept)][["text", "id"]].to_dict("records")


def test_one_column_keeps_no_other_in_memory() -> None:
    whole = frame(100)
    whole["text"] = [f"{n} " + "word " * 2000 for n in range(100)]
    rows = rows_of(whole, batch=100)
    before = pa.total_allocated_bytes()
    ids = pa.concat_tables(rows.tables(["id"]))
    assert ids["id"].to_pylist() == whole["id"].tolist()
    assert pa.total_allocated_bytes() - before < 100_000
