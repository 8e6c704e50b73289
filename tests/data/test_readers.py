"""Reading every published form, and every way in which a file can be wrong."""

from __future__ import annotations

import csv
import io
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.catalog.schema import Dataset
from finesent.data import readers
from finesent.data.readers import check_published, rating_class, read_splits, read_train_trees
from finesent.errors import FinesentError
from finesent.validation import parse

LABELS = ["low", "middle", "high"]

# Any text that a line can hold: no line ends, and no half of a surrogate pair, which UTF-8 cannot spell.
line_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
any_texts = st.text(st.characters(exclude_categories=["Cs"]))
labels = st.integers(0, len(LABELS) - 1)


def entry_of(layout: dict[str, Any], labels: list[str] = LABELS, **more: Any) -> Dataset:
    content = {
        "title": "t", "licence": "l", "labels": labels, "layouts": {"default": layout},
        "sources": [{"kind": "local"}], **more,
    }  # fmt: skip
    return parse(Dataset, content, "test")


def write(folder: Path, content: bytes, name: str = "all.txt") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / "source.json").write_text('{"layout": "default"}')


def read_raw(folder: Path, entry: Dataset) -> dict[str, pd.DataFrame]:
    """Read all splits whole."""
    return {
        split: pd.DataFrame(pa.Table.from_batches([piece.read() for piece in pieces]).to_pydict())
        for split, pieces in read_splits(folder, entry).items()
    }


def read(folder: Path, content: bytes, format: str, **layout: Any) -> pd.DataFrame:
    """Read one file as the only split of a data set of three labels."""
    write(folder, content)
    return read_raw(folder, entry_of({"format": format, "files": {"all": {"path": "all.txt"}}, **layout}))[
        "all"
    ]


def failure(folder: Path, content: bytes, format: str, **layout: Any) -> str:
    with pytest.raises(FinesentError) as error:
        read(folder, content, format, **layout)
    assert error.value.place.startswith("all.txt")
    assert error.value.remedy
    return f"{error.value.place}: {error.value.problem}"


def rows_of(frame: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(frame["text"], frame["label"], strict=True))


def csv_of(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def parquet_of(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(line_texts, labels), min_size=1), separator=st.sampled_from(["\t", " "]))
def test_fasttext_round_trip(tmp_path_factory: Any, rows: list[tuple[str, int]], separator: str) -> None:
    content = "".join(f"__label__{label + 1}{separator}{text}\n" for text, label in rows)
    frame = read(tmp_path_factory.mktemp("raw"), content.encode(), "fasttext")
    assert rows_of(frame) == rows
    assert list(frame["id"]) == [f"all-{number}" for number in range(1, len(rows) + 1)]


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(any_texts, labels), min_size=1))
def test_csv_round_trip(tmp_path_factory: Any, rows: list[tuple[str, int]]) -> None:
    content = csv_of([["text", "other", "label"], *([text, "", str(label)] for text, label in rows)])
    assert rows_of(read(tmp_path_factory.mktemp("raw"), content, "csv")) == rows


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(any_texts, labels), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: Any, rows: list[tuple[str, int]]) -> None:
    content = "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows)
    assert rows_of(read(tmp_path_factory.mktemp("raw"), content.encode(), "jsonl")) == rows


def test_splits_keep_their_names_and_the_files_lie_where_the_layout_says(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / "sst", f"__label__1\t{split}\n".encode(), f"{split}.txt")
    (tmp_path / "source.json").write_text('{"layout": "default"}')
    files = {split: {"path": f"sst/{split}.txt"} for split in ("train", "dev", "test")}
    frames = read_raw(tmp_path, entry_of({"format": "fasttext", "files": files}))
    assert list(frames) == ["train", "dev", "test"]
    assert frames["dev"].to_dict("records") == [{"id": "dev-1", "text": "dev", "label": 0}]


def two_files(first: bytes, second: bytes, folder: Path, format: str = "fasttext", **layout: Any) -> Dataset:
    """Write two files of the only split, and return the entry that names them."""
    write(folder, first, "one.txt")
    write(folder, second, "two.txt")
    files = {"all": [{"path": "one.txt"}, {"path": "two.txt"}]}
    return entry_of({"format": format, "files": files, **layout})


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(line_texts, labels), min_size=2), data=st.data())
def test_several_files_of_a_split_are_read_as_if_they_were_one(
    tmp_path_factory: Any, rows: list[tuple[str, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(rows) - 1))
    lines = [f"__label__{label + 1}\t{text}\n".encode() for text, label in rows]
    folder = tmp_path_factory.mktemp("raw")
    frame = read_raw(folder, two_files(b"".join(lines[:cut]), b"".join(lines[cut:]), folder))["all"]
    pd.testing.assert_frame_equal(frame, read(tmp_path_factory.mktemp("raw"), b"".join(lines), "fasttext"))
    assert list(frame["id"]) == [f"all-{number}" for number in range(1, len(rows) + 1)]


def test_every_file_of_a_split_has_its_own_header(tmp_path: Path) -> None:
    entry = two_files(b"text,label\na,0\n", b"label,text\n2,b\n", tmp_path, "csv")
    assert rows_of(read_raw(tmp_path, entry)["all"]) == [("a", 0), ("b", 2)]


@pytest.mark.parametrize(
    "second, said",
    [
        (b"__label__1\tc\n__label__9\td\n", "two.txt, row 2: the label '9' is not"),
        (b"__label__1\tc\nd\n", "two.txt, row 2: a broken line"),
        (b"\n", "two.txt: the file is empty"),
        (b"__label__1\tc\n__label__1\t\xff\n", "two.txt: not UTF-8 (byte 24)"),
    ],
)
def test_what_is_wrong_in_a_further_file_is_told_with_its_name_and_its_own_row(
    tmp_path: Path, second: bytes, said: str
) -> None:
    entry = two_files(b"__label__1\ta\n__label__2\tb\n__label__3\tb\n", second, tmp_path)
    with pytest.raises(FinesentError) as error:
        read_raw(tmp_path, entry)
    assert said in f"{error.value.place}: {error.value.problem}"
    (tmp_path / "two.txt").unlink()
    with pytest.raises(FinesentError, match=r"two\.txt: the file is missing"):
        read_raw(tmp_path, entry)


def test_a_further_file_without_rows_is_told(tmp_path: Path) -> None:
    entry = two_files(b"text,label\na,0\n", b"text,label\n", tmp_path, "csv")
    with pytest.raises(FinesentError, match=r"two\.txt: it has no rows"):
        read_raw(tmp_path, entry)


def test_trees_of_train_may_lie_in_several_files(tmp_path: Path) -> None:
    for name, tree in (("one", "(0 a)"), ("two", "(1 b)"), ("test", "(2 c)")):
        write(tmp_path, f"{tree}\n".encode(), f"{name}.txt")
    files = {"train": [{"path": "one.txt"}, {"path": "two.txt"}], "test": {"path": "test.txt"}}
    entry = entry_of({"format": "ptb-trees", "files": files})
    assert read_train_trees(tmp_path, entry) == ["(0 a)", "(1 b)"]
    assert list(read_raw(tmp_path, entry)) == ["train", "test"]


@pytest.mark.parametrize(
    "content, format",
    [
        (b"title,body,label\nGood,It works,2\n,No title,0\nNo body,,1\n,,1\n", "csv"),
        (
            b'{"title": "Good", "body": "It works", "label": 2}\n'
            b'{"title": null, "body": "No title", "label": 0}\n'
            b'{"title": "No body", "body": "", "label": 1}\n{"title": "", "body": "", "label": 1}\n',
            "jsonl",
        ),
        (
            parquet_of(
                {
                    "label": [2, 0, 1, 1],
                    "title": ["Good", None, "No body", ""],
                    "body": ["It works", "No title", "", None],
                }
            ),
            "parquet",
        ),
    ],
    ids=["csv", "jsonl", "parquet"],
)
def test_a_text_may_be_made_of_several_columns(tmp_path: Path, content: bytes, format: str) -> None:
    frame = read(tmp_path, content, format, text=["title", "body"])
    assert rows_of(frame) == [("Good: It works", 2), ("No title", 0), ("No body", 1), ("", 1)]


@pytest.mark.parametrize(
    "content, format, said",
    [
        (b"title,label\na,1\n", "csv", "there is no column 'body'; it has 'title', 'label'"),
        (parquet_of({"title": ["a"], "label": [1]}), "parquet", "there is no column 'body'"),
        (
            b'{"title": "a", "body": "b", "label": 1}\n{"title": "a", "label": 1}',
            "jsonl",
            "row 2: there is no",
        ),
        (b'{"title": "a", "body": ["b"], "label": 1}\n', "jsonl", "row 1: column body: no text but ['b']"),
    ],
)
def test_a_column_of_several_that_is_not_there_is_told(
    tmp_path: Path, content: bytes, format: str, said: str
) -> None:
    assert said in failure(tmp_path, content, format, text=["title", "body"])


def test_column_names_label_values_and_windows_line_ends(tmp_path: Path) -> None:
    content = "\ufeffstars;review\r\n".replace(";", ",").encode() + b'5,"good, really"\r\n\r\n1,bad\r\n'
    frame = read(tmp_path, content, "csv", text="review", label="stars", label_values=[1, 3, 5])
    assert rows_of(frame) == [("good, really", 2), ("bad", 0)]


def test_columns_by_number_where_there_is_no_header(tmp_path: Path) -> None:
    content = b'0\tx\tan "open quote\n2\ty\t\n'
    frame = read(tmp_path, content, "tsv", text="2", label="0", header=False)
    assert rows_of(frame) == [('an "open quote', 0), ("", 2)]


def test_a_field_longer_than_the_csv_modules_default_limit(tmp_path: Path) -> None:
    frame = read(tmp_path, b"text,label\n" + b"x" * 200_000 + b",1\n", "csv")
    assert len(frame["text"][0]) == 200_000


def test_parquet_with_gaps(tmp_path: Path) -> None:
    content = parquet_of({"text": ["a", None, "c"], "label": [0.0, 1.0, 2.0], "more": [1, 2, 3]})
    assert rows_of(read(tmp_path, content, "parquet")) == [("a", 0), ("", 1), ("c", 2)]


def test_parquet_of_any_type_of_column(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", None, "a", "é"]).dictionary_encode(),
        "body": pa.array([1.5, None, math.nan, 3.0]),
        "label": pa.array(["1", " 0", "2.0", "1"]),
    }
    said = failure(tmp_path, parquet_of(columns), "parquet", text=["text", "body"])
    assert said.startswith("all.txt, row 3, column label: the label '2.0' is not in the catalog")
    columns["label"] = pa.array([1, 0, 2, 1], pa.uint8())
    frame = read(tmp_path, parquet_of(columns), "parquet", text=["text", "body"])
    assert rows_of(frame) == [("a: 1.5", 1), ("", 0), ("a", 2), ("é: 3.0", 1)]
    columns["label"] = pa.array(["2", "0", "1", "0"]).dictionary_encode()
    columns["text"] = pa.array(["a", "b", "", "d"], pa.large_string())
    frame = read(tmp_path, parquet_of(columns), "parquet")
    assert rows_of(frame) == [("a", 2), ("b", 0), ("", 1), ("d", 0)]


@pytest.mark.parametrize(
    "columns, said",
    [
        ({"text": [["a"], ["b"]], "label": [1, 1]}, "row 1: column text: no text but ['a']"),
        ({"text": [b"a", b"b"], "label": [1, 1]}, "row 1: column text: no text but b'a'"),
        ({"text": ["a", "b"], "label": [1, None]}, "row 2, column label: the label 'None' is not"),
        ({"text": ["a", "b"], "label": [[1], [1]]}, "row 1, column label: the label '[1]' is not"),
        ({"text": ["a", "b"], "label": [0.0, 0.5]}, "row 2, column label: the label '0.5' is not"),
    ],
)
def test_parquet_that_holds_no_texts_or_labels_is_told(
    tmp_path: Path, columns: dict[str, Any], said: str
) -> None:
    assert said in failure(tmp_path, parquet_of(columns), "parquet")


def test_no_text_is_an_empty_text(tmp_path: Path) -> None:
    lines = [{"text": value, "label": 1} for value in (None, math.nan, "", 7)]
    content = "\n".join(map(json.dumps, lines)).encode()
    assert list(read(tmp_path, content, "jsonl")["text"]) == ["", "", "", "7"]
    assert list(read(tmp_path, b"__label__1\n__label__2\t\n", "fasttext")["text"]) == ["", ""]


def test_trees_give_the_root_label_and_the_leaves(tmp_path: Path) -> None:
    content = "(2 (1 (1 Not) (2 -LRB-)) (2 2\u00a01\\/2))\n(0 No)\n(1 )\n".encode()
    frame = read(tmp_path, content, "ptb-trees")
    assert rows_of(frame) == [("Not -LRB- 2\u00a01\\/2", 2), ("No", 0), ("", 1)]


@pytest.mark.parametrize(
    "content, format, said",
    [
        (b"", "csv", "all.txt: the file is empty"),
        (b"\n \n", "fasttext", "all.txt: the file is empty"),
        (b"", "parquet", "all.txt: the file is empty"),
        (b"text,label\n", "csv", "all.txt: it has no rows"),
        (parquet_of({"text": pa.array([], "string"), "label": []}), "parquet", "all.txt: it has no rows"),
        (b"text,label\nna\xefve,1\n", "csv", "all.txt: not UTF-8 (byte 13)"),
        (b"review,stars\na,1\n", "csv", "no column 'text'; it has 'review', 'stars'"),
        (b"text\tstars\na\t1\n", "tsv", "no column 'label'; it has 'text', 'stars'"),
        (parquet_of({"text": ["a"]}), "parquet", "no column 'label'; it has 'text'"),
        (b'{"text": "a", "label": 1}\n{"text": "a"}\n', "jsonl", "row 2: there is no column 'label'"),
        (b"text,label\na,1\nb,3\n", "csv", "row 2, column label: the label '3' is not in the catalog"),
        (b"__label__0\tb\n", "fasttext", "label '0' is not in the catalog; allowed are 1, 2, 3"),
        (b"__label__good\ta\n", "fasttext", "row 1: the label 'good' is not"),
        (b"(7 a)\n", "ptb-trees", "row 1: the label '7' is not"),
        (b'{"text": "a", "label": null}', "jsonl", "row 1, column label: the label 'None' is not"),
        (b'{"text": "a", "label": 1.5}', "jsonl", "the label '1.5' is not"),
        (b"text,label\na,1\nb\n", "csv", "row 2: a broken line (line 3): 1 fields, expected 2"),
        (b'text,label\n"a,1\nb,1\n', "csv", "a broken line (line 3): unexpected end of data"),
        (b"__label__1\ta\nno label\n", "fasttext", "row 2: a broken line: expected __label__<class>"),
        (b"__label__1\ta\n\n__label__1\tb\n", "fasttext", "row 2: a broken line"),
        (b'{"text": "a", "label": 1}\n{"text"\n', "jsonl", "row 2: a broken line: no JSON"),
        (b"[1, 2]\n", "jsonl", "row 1: a broken line: no JSON object"),
        (b'{"text": ["a"], "label": 1}\n', "jsonl", "row 1: column text: no text but ['a']"),
        (b'{"text": "\\ud800", "label": 1}\n', "jsonl", "row 1: column text: no text but"),
        (b"(2 (1 a) (1 b)\n", "ptb-trees", "row 1: a broken line: expected one tree"),
        (b"(2 a) (1 b)\n", "ptb-trees", "row 1: a broken line: expected one tree"),
        (b"just text\n", "ptb-trees", "row 1: a broken line: expected one tree"),
        (parquet_of({"text": ["a"], "label": [1]})[:-20], "parquet", "no parquet file, or a truncated"),
    ],
)  # fmt: skip
def test_bad_input_is_told_with_its_place(tmp_path: Path, content: bytes, format: str, said: str) -> None:
    assert said in failure(tmp_path, content, format)


def test_a_missing_file_and_an_unknown_layout_are_told(tmp_path: Path) -> None:
    layout = {"format": "csv", "files": {"all": {"path": "all.txt"}}}
    write(tmp_path, b"", "something else")
    with pytest.raises(FinesentError, match=r"all\.txt: the file is missing"):
        read_raw(tmp_path, entry_of(layout))
    (tmp_path / "source.json").write_text('{"layout": "gone"}')
    with pytest.raises(FinesentError, match="its layout 'gone' is not in the catalog"):
        read_raw(tmp_path, entry_of(layout))


FIVE = ["very negative", "negative", "neutral", "positive", "very positive"]
VADER = {
    "format": "vader-ratings",
    "files": {"all": {"path": "all.txt"}},
    "extras": {"ratings": {"path": "ratings.txt"}},
}


def read_vader(folder: Path, sentences: str, ratings: str) -> pd.DataFrame:
    write(folder, ratings.encode(), "ratings.txt")
    write(folder, sentences.encode())
    return read_raw(folder, entry_of(VADER, FIVE))["all"]


def test_ratings_are_joined_and_cut_into_classes(tmp_path: Path) -> None:
    ratings = "9\t-1\t0\t[-4, -3, -2, 0, 4]\r\n4_2\t3.667\t0\t[4, 4, 3]\r\nunused\t0\t0\t[0]\r\n"
    frame = read_vader(tmp_path, "4_2\t3.7\tgood\twith a tab\r\n9\t-1\tbad\r\n", ratings)
    assert frame["id"].tolist() == ["all-4_2", "all-9"]
    assert rows_of(frame) == [("good\twith a tab", 4), ("bad", 1)]
    assert frame["soft_label"].tolist() == [[0, 0, 0, 0, 1], [0.4, 0.2, 0.2, 0, 0.2]]
    assert frame["ratings"].tolist() == [[4, 4, 3], [-4, -3, -2, 0, 4]]
    assert "group" not in frame


def test_ids_can_name_the_document(tmp_path: Path) -> None:
    write(tmp_path, b"1_1\t0\t0\t[0]\n1_2\t0\t0\t[0]\na_b_1\t0\t0\t[0]\n3\t0\t0\t[0]\n", "ratings.txt")
    write(tmp_path, b"1_2\t0\ta\na_b_1\t0\tb\n1_1\t0\tc\n")
    entry = entry_of({**VADER, "grouped_ids": True}, FIVE)
    assert read_raw(tmp_path, entry)["all"]["group"].tolist() == ["1", "a_b", "1"]
    write(tmp_path, b"1_2\t0\ta\n3\t0\tb\n")
    with pytest.raises(FinesentError, match=r"all\.txt, row 2: the id '3' names no document"):
        read_raw(tmp_path, entry)


def test_ratings_are_joined_to_the_sentences_of_several_files(tmp_path: Path) -> None:
    write(tmp_path, b"1\t0\t0\t[0]\n2\t4\t0\t[4]\n", "ratings.txt")
    layout = {**VADER, "files": {"all": [{"path": "one.txt"}, {"path": "two.txt"}]}}
    write(tmp_path, b"2\t4\ta\n", "one.txt")
    write(tmp_path, b"1\t0\tb\n", "two.txt")
    frame = read_raw(tmp_path, entry_of(layout, FIVE))["all"]
    assert list(zip(frame["id"], frame["label"], strict=True)) == [("all-2", 4), ("all-1", 2)]
    write(tmp_path, b"1\t0\tb\n2\t4\tc\n", "two.txt")
    with pytest.raises(FinesentError, match=r"two\.txt, row 2: .* the id '2', or it stands twice"):
        read_raw(tmp_path, entry_of(layout, FIVE))


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_long_file_comes_in_pieces_that_count_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(readers, "_BATCH", 4)
    monkeypatch.setattr(readers, "_CHUNK", 5)
    texts = [f"é {number}" for number in range(9)]
    contents = {
        "csv": csv_of([["text", "label"], *([text, "1"] for text in texts)]),
        "jsonl": "\n".join(json.dumps({"text": text, "label": 1}) for text in texts).encode(),
        "parquet": parquet_of({"text": texts, "label": [1] * 9}),
    }
    write(tmp_path, contents[format])
    entry = entry_of({"format": format, "files": {"all": {"path": "all.txt"}}})
    batches = [piece.read() for piece in read_splits(tmp_path, entry)["all"]]
    assert [len(batch) for batch in batches] == [4, 4, 1]
    rows = pa.Table.from_batches(batches).to_pydict()
    assert rows == {"id": [f"all-{number}" for number in range(1, 10)], "text": texts, "label": [1] * 9}


@settings(max_examples=60)
@given(content=st.binary(max_size=12) | any_texts.map(str.encode), chunk=st.integers(1, 5))
def test_bytes_that_are_not_utf8_are_told_where_they_stand_however_the_file_is_read(
    tmp_path_factory: Any, content: bytes, chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_CHUNK", chunk)
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            said = failure(folder, content, "jsonl")
            assert said == f"all.txt: not UTF-8 (byte {error.start})"
        else:
            assert "not UTF-8" not in failure(folder, content + b"\n{\n", "jsonl")


def test_only_rated_data_have_ids_that_name_documents() -> None:
    with pytest.raises(FinesentError, match="grouped_ids: only the format vader-ratings"):
        entry_of({"format": "csv", "files": {"all": {"path": "all.csv"}}, "grouped_ids": True})


@pytest.mark.parametrize(
    "sentences, ratings, said",
    [
        ("1\t0\n", "1\t0\t0\t[0]\n", "all.txt, row 1: a broken line: expected id, mean and text"),
        ("2\t0\ta\n", "1\t0\t0\t[0]\n", "all.txt, row 1: there are no ratings for the id '2'"),
        ("1\t0\ta\n", "1\t0\t0\n", "ratings.txt, row 1: a broken line: expected id, mean, sd and a list"),
        ("1\t0\ta\n", "1\t0\t0\t__import__('os')\n", "ratings.txt, row 1: a broken line"),
        ("1\t0\ta\n1\t0\tb\n", "1\t0\t0\t[0]\n", "all.txt, row 2: .* the id '1', or it stands twice"),
        ("1\t0\ta\n", "1\t0\t0\t[0]\n1\t0\t0\t[0]\n", "ratings.txt, row 2: the id '1' stands twice"),
        ("1\t0\ta\n", "1\t1.5\t0\t[1, 1]\n", "ratings.txt, row 1: the ratings have the mean 1, and .* 1.5"),
        ("1\t0\ta\n", "1\tnan\t0\t[1, 1]\n", "ratings.txt, row 1: the ratings have the mean 1, and .* nan"),
        ("1\t0\ta\n", "1\tx\t0\t[1, 1]\n", "ratings.txt, row 1: a broken line"),
        ("1\t0\ta\n", "1\t0\t0\t[5]\n", "ratings.txt, row 1: the ratings must be .* from -4 to 4"),
        ("1\t0\ta\n", "1\t0\t0\t[]\n", "ratings.txt, row 1: the ratings must be"),
        ("1\t0\ta\n", "1\t0\t0\t[true]\n", "ratings.txt, row 1: the ratings must be"),
    ],
)
def test_bad_ratings_are_told_with_their_place(
    tmp_path: Path, sentences: str, ratings: str, said: str
) -> None:
    with pytest.raises(FinesentError, match=said):
        read_vader(tmp_path, sentences, ratings)


def test_ratings_without_their_file_are_told(tmp_path: Path) -> None:
    write(tmp_path, b"1\t0\ta\n")
    with pytest.raises(FinesentError, match=r"ratings\.txt: the file is missing"):
        read_raw(tmp_path, entry_of(VADER, FIVE))
    with pytest.raises(FinesentError, match="no extra file `ratings`"):
        read_raw(tmp_path, entry_of({**VADER, "extras": {}}, FIVE))


def test_rating_bins_are_closed_on_the_right() -> None:
    edges = [Fraction(-4), *(Fraction(-4) + Fraction(8, 5) * cut for cut in range(1, 6))]
    assert [rating_class(edge, 5) for edge in edges] == [0, 0, 1, 2, 3, 4]
    assert [rating_class(edge + Fraction(1, 10**9), 5) for edge in edges[:-1]] == [0, 1, 2, 3, 4]
    assert [rating_class(rating, 5) for rating in range(-4, 5)] == [0, 0, 1, 1, 2, 3, 3, 4, 4]


@given(ratings=st.lists(st.integers(-4, 4), min_size=1), classes=st.integers(2, 9))
def test_the_class_of_a_mean_is_its_bin(ratings: list[int], classes: int) -> None:
    mean = Fraction(sum(ratings), len(ratings))
    label = rating_class(mean, classes)
    low = Fraction(-4) + Fraction(8 * label, classes)
    assert (low < mean or label == 0) and mean <= low + Fraction(8, classes)


def test_what_was_published_is_compared_with_the_catalog() -> None:
    layout = {"format": "csv", "files": {"all": {"path": "all.txt"}}}
    found = {"all": [1, 0, 2]}
    check_published(found, entry_of(layout), "here")
    check_published(found, entry_of(layout, rows={"all": 3}, histogram={"all": [1, 0, 2]}), "here")
    # Another layout of the entry has splits.
    rows = {"train": 9, "test": 9, "all": 3}
    check_published(found, entry_of(layout, rows=rows, histogram={"train": [3, 3, 3]}), "here")
    with pytest.raises(FinesentError, match="here: all has 3 rows, expected 4"):
        check_published(found, entry_of(layout, rows={"all": 4}), "here")
    with pytest.raises(FinesentError, match=r"all has \[1, 0, 2\] rows by label, expected \[1, 1, 1\]"):
        check_published(found, entry_of(layout, histogram={"all": [1, 1, 1]}), "here")
