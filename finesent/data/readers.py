"""Reading a data set's files as published: one function a format, pieces of rows, nothing dropped."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from finesent.catalog.schema import Dataset, Layout
from finesent.data.cells import column_number, joined, label_text, missing_column, plain_text
from finesent.data.fasttext import fasttext_pieces
from finesent.data.parquet import parquet_pieces
from finesent.data.pieces import Piece, ReadPiece, batch_of, numbered
from finesent.data.raw_file import RawFile
from finesent.errors import FinesentError
from finesent.files import read_json

# Rows of a batch: enough to hide what a batch costs, and a few MiB.
_BATCH = 1 << 14
_CHUNK = 1 << 24
# A byte order mark, which some editors put before the first line.
_MARK = "\ufeff"

_RATING_SCALE = (-4, 4)
# Means are printed with at least three decimals, or are whole.
_MEAN_TOLERANCE = 0.001

_TREE_ROOT = re.compile(r"\(([^ ()]+) ")
# Tokens are split at the ASCII space alone: some of the treebank's hold a no-break space.
_TREE_LEAF = re.compile(r"\([^ ()]+ ([^ ()]+)\)")

# A row as published: its number in the file, counted from 1; its text; and its label as the file has it.
_Row = tuple[int, str, str]


def read_splits(folder: Path, entry: Dataset) -> dict[str, Iterator[Piece]]:
    """Read every split of a fetched data set, no more than some thousand rows at a time.

    Args:
        folder: what :func:`finesent.sources.fetch.fetch` filled; its source.json names the layout.
        entry: the catalog's entry.

    Returns:
        By split (``train``, ``dev``, ``test``, or ``all``): pieces, at least one, with a row for each row of
        its files, in their order, and the columns ``id`` (str, ``<split>-<row from 1>``, counted over all
        of them), ``text`` (str, empty where there is none) and ``label`` (int64, 0 to C - 1); the format
        vader-ratings adds ``soft_label`` (a list of C floats that sum to 1), ``ratings`` (a list of ints,
        what each person said) and, where ids name documents, ``group`` (str, the document).

    Raises:
        FinesentError: here, as the pieces come, or as they are read: a file is empty, not UTF-8, lacks a
            column, or has a broken line or a label that the catalog does not have; it names file, row and
            column.
    """
    layout = _layout(folder, entry)
    return {split: _read_split(folder, split, layout, len(entry.labels)) for split in layout.files}


def read_train_trees(folder: Path, entry: Dataset) -> list[str]:
    """Return the labelled trees of the training sentences, a string each, in the file's order.

    They are the extra file ``trees-train``, or the training split itself where that is published as trees;
    the list is empty where there is neither. The trees of dev and test are never opened.

    Raises:
        FinesentError: the file is missing, empty or not UTF-8, or a line of it is no tree.
    """
    layout = _layout(folder, entry)
    remotes = [layout.extras["trees-train"]] if "trees-train" in layout.extras else []
    if not remotes and layout.format == "ptb-trees":
        remotes = layout.files.get("train", [])
    files = [RawFile.of(folder, remote, layout, len(entry.labels)) for remote in remotes]
    return [line for file in files for _, line, _ in _trees(file)]


def check_published(found: dict[str, list[int]], entry: Dataset, place: str) -> None:
    """Compare what was read with the rows and the label histogram that the catalog expects.

    Args:
        found: by split, how many rows each of the C classes has.
        entry: the catalog's entry.
        place: for the error.

    Raises:
        FinesentError: they differ; it says what was expected and what was found.
    """
    remedy = "the publisher's data changed: take another source, or correct rows and histogram in the catalog"
    for split, counts in found.items():
        expected_rows = (entry.rows or {}).get(split)
        if expected_rows is not None and sum(counts) != expected_rows:
            raise FinesentError(place, f"{split} has {sum(counts)} rows, expected {expected_rows}", remedy)
        expected = (entry.histogram or {}).get(split)
        if expected is not None and counts != expected:
            raise FinesentError(place, f"{split} has {counts} rows by label, expected {expected}", remedy)


def rating_class(rating: int | Fraction, classes: int) -> int:
    """Return the class, 0 to ``classes`` - 1, of a rating from -4 to 4.

    The scale is cut into bins of equal width that are closed on the right, as SST-5's were. The
    arithmetic is exact, so a rating that lies on an edge belongs to the lower class everywhere.
    """
    low, high = _RATING_SCALE
    position = Fraction(rating - low) * classes / (high - low)
    return max(-(-position.numerator // position.denominator) - 1, 0)


def _layout(folder: Path, entry: Dataset) -> Layout:
    name = read_json(folder / "source.json")["layout"]
    if name not in entry.layouts:
        raise FinesentError(
            str(folder / "source.json"),
            f"its layout {name!r} is not in the catalog",
            "run `dvc repro download`",
        )
    return entry.layouts[name]


def _read_split(folder: Path, split: str, layout: Layout, classes: int) -> Iterator[Piece]:
    files = [RawFile.of(folder, remote, layout, classes) for remote in layout.files[split]]  # type: ignore[index]
    if layout.format == "vader-ratings":
        yield ReadPiece(_read_vader(files, folder, split))
        return
    first = 1
    for file in files:
        before = first
        for piece in _pieces(file, split, first):
            yield piece
            first += piece.rows
        if first == before:
            raise file.error("it has no rows")


def _pieces(file: RawFile, split: str, first: int) -> Iterator[Piece]:
    """Yield the rows of a file, the first of which has the number ``first`` in its split."""
    if file.layout.format == "fasttext":
        yield from fasttext_pieces(file, split, first)
        return
    if file.layout.format == "parquet":
        yield from parquet_pieces(file, split, first, _BATCH)
        return
    read = _READERS[file.layout.format](file)
    while rows := list(islice(read, _BATCH)):
        texts = pa.array([text for _, text, _ in rows], pa.string())
        yield ReadPiece(batch_of(numbered(split, first, len(rows)), texts, _classes_of(rows, file)))
        first += len(rows)


def _classes_of(rows: list[_Row], file: RawFile) -> np.ndarray:
    allowed = file.label_values()
    try:
        return np.array([allowed[label] for _, _, label in rows], dtype=np.int64)
    except KeyError:
        number, label = next((number, label) for number, _, label in rows if label not in allowed)
    raise file.unknown_label(label, number)


def _require_text(file: RawFile) -> None:
    """Refuse a file that is not UTF-8, or in which there is nothing but white space."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    read, blank = 0, True
    with file.path.open("rb") as content:
        while True:
            chunk = content.read(_CHUNK)
            held_back = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                place = read - held_back + error.start
                raise file.not_utf8(place) from error
            blank = blank and not (text if read else text.removeprefix(_MARK)).strip()
            read += len(chunk)
            if not chunk:
                break
    if blank:
        raise file.error("the file is empty")


def _lines(file: RawFile) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers; only line feeds end a line, as other separators occur in texts."""
    _require_text(file)
    # Blank lines at the end of a file are no rows.
    blank: list[tuple[int, str]] = []
    with file.path.open("rb") as content:
        for number, raw in enumerate(content, 1):
            line = raw.decode("utf-8").removesuffix("\n")
            if number == 1:
                line = line.removeprefix(_MARK)
            numbered = number, line.removesuffix("\r")
            if not line.strip("\r"):
                blank.append(numbered)
                continue
            if blank:
                yield from blank
                blank.clear()
            yield numbered


def _read_trees(file: RawFile) -> Iterator[_Row]:
    for number, line, label in _trees(file):
        yield number, " ".join(_TREE_LEAF.findall(line)), label


def _trees(file: RawFile) -> Iterator[tuple[int, str, str]]:
    """Yield each line's number, the tree that it is, and the label of its root."""
    for number, line in _lines(file):
        root = _TREE_ROOT.match(line)
        if root is None or not _is_one_tree(line):
            raise file.error(f"a broken line: expected one tree (label …), found {line[:60]!r}", number)
        yield number, line, root[1]


def _is_one_tree(line: str) -> bool:
    """Tell whether the first bracket is closed by the last character, and not earlier."""
    depth = 0
    for position, character in enumerate(line):
        depth += (character == "(") - (character == ")")
        if depth <= 0:
            return position == len(line) - 1
    return False


def _read_delimited(file: RawFile) -> Iterator[_Row]:
    records = _records(file)
    first_line, first = next(records)
    names = first if file.layout.header else [str(number) for number in range(len(first))]
    texts = [column_number(file, names, column) for column in file.layout.text]
    label = column_number(file, names, file.layout.label)
    if not file.layout.header:
        records = chain([(first_line, first)], records)
    for number, (line, record) in enumerate(records, 1):
        if len(record) != len(names):
            problem = f"a broken line (line {line}): {len(record)} fields, expected {len(names)}"
            raise file.error(problem, number)
        yield number, joined(record[text] for text in texts), record[label].strip()


def _records(file: RawFile) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a csv or tsv file that are no blank lines, with the line that each ends on."""
    _require_text(file)
    # The default limit of 128 KiB a field is less than a long review may have.
    csv.field_size_limit(2**31 - 1)
    # utf-8-sig takes a byte order mark off; newline="" leaves line ends inside quoted fields as they are.
    with file.path.open(encoding="utf-8-sig", newline="") as content:
        if file.layout.format == "tsv":
            # Tab-separated corpora (GLUE's, say) have bare quotation marks in their texts.
            reader = csv.reader(content, delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(content, strict=True)
        try:
            for record in reader:
                if record:
                    yield reader.line_num, record
        except csv.Error as error:
            raise file.error(f"a broken line (line {reader.line_num}): {error}") from error


def _read_jsonl(file: RawFile) -> Iterator[_Row]:
    for number, line in _lines(file):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise file.error(f"a broken line: no JSON ({error})", number) from error
        if not isinstance(record, dict):
            raise file.error("a broken line: no JSON object", number)
        columns = (*file.layout.text, file.layout.label)
        for column in columns:
            if column not in record:
                raise missing_column(file, column, list(record), number)
        texts = [plain_text(record[column], column, file, number) for column in file.layout.text]
        yield number, joined(texts), label_text(record[file.layout.label])


def _read_vader(files: list[RawFile], folder: Path, split: str) -> pa.RecordBatch:
    """Read sentences and join the ratings that people gave them."""
    layout, classes = files[0].layout, files[0].classes
    role = layout.extras.get("ratings")
    if role is None:
        raise files[0].error("the layout has no extra file `ratings`")
    ratings = _read_ratings(RawFile.of(folder, role, layout, classes))
    ids, texts, labels, soft_labels, people, groups = [], [], [], [], [], []
    for file, number, line in ((each, *row) for each in files for row in _lines(each)):
        identifier, _, text = _three_fields(file, number, line)
        # Taken out, so that an id that stands twice is told as well.
        given = ratings.pop(identifier, None)
        if given is None:
            raise file.error(f"there are no ratings for the id {identifier!r}, or it stands twice", number)
        ids.append(f"{split}-{identifier}")
        texts.append(text)
        labels.append(rating_class(Fraction(sum(given), len(given)), classes))
        soft_labels.append(_shares(given, classes))
        people.append(given)
        groups.append(_document_of(identifier, number, file) if layout.grouped_ids else "")
    more = {
        "soft_label": pa.array(soft_labels, pa.list_(pa.float64())),
        "ratings": pa.array(people, pa.list_(pa.int64())),
    }
    if layout.grouped_ids:
        more["group"] = pa.array(groups, pa.string())
    return batch_of(
        pa.array(ids, pa.string()), pa.array(texts, pa.string()), np.array(labels, dtype=np.int64), **more
    )


def _document_of(identifier: str, number: int, file: RawFile) -> str:
    document, separator, _ = identifier.rpartition("_")
    if not document or not separator:
        raise file.error(f"the id {identifier!r} names no document: expected <document>_<sentence>", number)
    return document


def _three_fields(file: RawFile, number: int, line: str) -> list[str]:
    fields = line.split("\t", 2)
    if len(fields) != 3:
        raise file.error(
            f"a broken line: expected id, mean and text between tabs, found {line[:60]!r}", number
        )
    return fields


def _read_ratings(file: RawFile) -> dict[str, list[int]]:
    """Return the whole ratings from -4 to 4 of each id."""
    low, high = _RATING_SCALE
    ratings: dict[str, list[int]] = {}
    for number, line in _lines(file):
        fields = line.split("\t")
        try:
            mean, given = float(fields[1]), json.loads(fields[3])
        except (IndexError, ValueError) as error:
            raise file.error(
                f"a broken line: expected id, mean, sd and a list of ratings, found {line[:60]!r}", number
            ) from error
        if (
            not isinstance(given, list)
            or not given
            or not all(type(r) is int and low <= r <= high for r in given)
        ):
            raise file.error(
                f"the ratings must be a list of whole numbers from {low} to {high}, found {given!r}", number
            )
        found = sum(given) / len(given)
        if not abs(found - mean) <= _MEAN_TOLERANCE:
            raise file.error(
                f"the ratings have the mean {found:.6g}, and it is said to be {fields[1]}", number
            )
        if fields[0] in ratings:
            raise file.error(f"the id {fields[0]!r} stands twice", number)
        ratings[fields[0]] = given
    return ratings


def _shares(ratings: list[int], classes: int) -> list[float]:
    """Return the share of the ratings that fall into each class."""
    labels = [rating_class(rating, classes) for rating in ratings]
    return [labels.count(label) / len(labels) for label in range(classes)]


_READERS: dict[str, Callable[[RawFile], Iterator[_Row]]] = {
    "csv": _read_delimited,
    "tsv": _read_delimited,
    "jsonl": _read_jsonl,
    "ptb-trees": _read_trees,
}
