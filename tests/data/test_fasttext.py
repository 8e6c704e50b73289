"""Lines of fastText are read in pieces as they would be one by one."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finesent.catalog.schema import Layout
from finesent.data import fasttext
from finesent.data.fasttext import fasttext_pieces
from finesent.data.raw_file import RawFile
from finesent.errors import FinesentError
from finesent.validation import parse

LABELS = ["a", "b", "10", "1"]
_LINE = re.compile(r"__label__(\S+?)(?:[ \t](.*))?", re.DOTALL)

starts = st.sampled_from(["__label__a ", "__label__b\t", "__label__10 ", "__label__1 ", "__label__1"])
ends = st.sampled_from(["\n", "\r\n", "\r\r\n", "\n\n", " \n"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=6)
lines = st.tuples(starts | st.sampled_from(["__label__", "", "\u00a0"]), texts, ends).map("".join)
contents = st.lists(lines, min_size=1, max_size=6).map("".join)


def file_of(folder: Path, content: bytes) -> RawFile:
    (folder / "lines.txt").write_bytes(content)
    layout = {
        "format": "fasttext",
        "files": {"all": {"path": "lines.txt"}},
        "label_values": LABELS,
    }
    return RawFile(folder / "lines.txt", "lines.txt", parse(Layout, layout, "test"), len(LABELS))


def read(file: RawFile, number: int = 1) -> list[tuple[str, str, int]]:
    # A piece must survive the way to another process.
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in fasttext_pieces(file, "all", number)]
    batches = [piece.read() for piece in pieces]
    assert [len(batch) for batch in batches] == [piece.rows for piece in pieces]
    for batch in batches:
        batch.validate(full=True)
    columns = pa.Table.from_batches(batches).to_pydict()
    assert list(columns) == ["id", "text", "label"]
    return list(zip(*columns.values(), strict=True))


def one_by_one(content: bytes) -> list[tuple[str, str, int]] | str:
    """Read the lines as the format is described, or say what is the first thing wrong."""
    found = content.decode("utf-8").removeprefix("\ufeff").split("\n")
    while found and not found[-1].strip("\r"):
        found.pop()
    rows = []
    for number, line in enumerate(found, 1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            return f"lines.txt, row {number}: a broken line"
        if match[1] not in LABELS:
            return f"lines.txt, row {number}: the label {match[1]!r} is not in the catalog"
        rows.append((f"all-{number}", match[2] or "", LABELS.index(match[1])))
    return rows


@settings(max_examples=500)
@given(content=contents, mark=st.booleans(), cut=st.integers(0, 4), piece=st.integers(1, 40))
@example(content="__label__1 é\n", mark=False, cut=0, piece=1)
@example(content="__label__1 \n__label__1 \n", mark=True, cut=1, piece=100)
def test_pieces_are_read_as_lines_one_by_one(
    tmp_path_factory: Any, content: str, mark: bool, cut: int, piece: int
) -> None:
    written = ("\ufeff" * mark + content[: len(content) - cut]).encode()
    file = file_of(tmp_path_factory.mktemp("raw"), written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasttext, "_PIECE", piece)
        if not written.decode().removeprefix("\ufeff").strip(" \t\r\n\x0b\x0c"):
            with pytest.raises(FinesentError, match=r"lines\.txt: the file is empty"):
                read(file)
            return
        expected = one_by_one(written)
        if isinstance(expected, str):
            with pytest.raises(FinesentError) as error:
                read(file)
            assert str(error.value).startswith(expected)
        else:
            assert read(file) == expected


def test_a_long_file_comes_in_pieces_that_count_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasttext, "_PIECE", 40)
    file = file_of(tmp_path, "".join(f"__label__b é {number}\n" for number in range(9)).encode())
    assert [piece.rows for piece in fasttext_pieces(file, "all", 1)] == [2, 2, 2, 2, 1]
    assert read(file, 101) == [(f"all-{101 + number}", f"é {number}", 1) for number in range(9)]


@given(before=st.integers(0, 5), content=st.binary(max_size=9))
@example(2, b"\xff")
@example(1, "é".encode()[:1])
def test_bytes_that_are_not_utf8_are_told_where_they_stand(
    tmp_path_factory: Any, before: int, content: bytes
) -> None:
    whole = b"__label__a x\n" * before + b"__label__b " + content.replace(b"\n", b"") + b"\n"
    file = file_of(tmp_path_factory.mktemp("raw"), whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasttext, "_PIECE", 30)
        try:
            whole.decode("utf-8")
        except UnicodeDecodeError as found:
            with pytest.raises(FinesentError, match=rf"lines\.txt: not UTF-8 \(byte {found.start}\)"):
                read(file)
        else:
            assert len(read(file)) == before + 1


def test_a_line_that_no_column_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasttext, "_PIECE", 8)
    monkeypatch.setattr(fasttext, "_LONGEST", 32)
    file = file_of(tmp_path, b"__label__a x\n__label__a " + b"x" * 60)
    with pytest.raises(FinesentError, match=r"lines\.txt, row 2: the line is longer than 1 GiB"):
        read(file)
