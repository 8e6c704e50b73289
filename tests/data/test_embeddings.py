"""Word vectors from text files and matrices: the right ones, or an error that names the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from finesent.catalog import entries
from finesent.catalog.schema import Embeddings
from finesent.data.embeddings import coverage, load_vectors, read_vectors, write_vectors
from finesent.data.tables import write_arrow
from finesent.data.vocabulary import Vocabulary
from finesent.errors import FinesentError
from finesent.validation import parse

ROOT = Path(__file__).parents[2]
VOCABULARY = Vocabulary(["<PAD>", "<UNK>", "good", "bad", "odd"], lowercase=True)
GLOVE = "the 0.1 0.2 -0.3\ngood 1 2 3\nbad -1 -2e0 -3.5\n"


def entry(form: str, dimensions: int = 3) -> Embeddings:
    files = {"vectors": {"path": "vectors.npy" if form == "matrix" else "vectors.txt"}}
    if form == "matrix":
        files["words"] = {"path": "words.parquet"}
    content: dict[str, Any] = {
        "title": "Tiny",
        "licence": "none",
        "dimensions": dimensions,
        "layouts": {"default": {"format": form, "files": files}},
        "sources": [{"kind": "local"}],
    }
    return parse(Embeddings, content, "test")


def read_text(folder: Path, text: str | bytes, words: set[str] | None = None) -> dict[str, np.ndarray]:
    (folder / "source.json").write_text('{"layout": "default"}')
    (folder / "vectors.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_vectors(folder, entry("text"), words or set(VOCABULARY.words))


def read_matrix(folder: Path, matrix: np.ndarray, words: list[str]) -> dict[str, np.ndarray]:
    (folder / "source.json").write_text('{"layout": "default"}')
    np.save(folder / "vectors.npy", matrix)
    write_arrow(folder / "words.parquet", pa.table({"index": words}))
    return read_vectors(folder, entry("matrix"), set(VOCABULARY.words))


@pytest.mark.parametrize(
    "text",
    [
        GLOVE,
        GLOVE.rstrip("\n"),
        GLOVE.replace("\n", "\r\n"),
        GLOVE.replace("\n", " \n"),
        # word2vec's text form begins with its two counts.
        "3 3\n" + GLOVE,
        # The first of two is taken.
        GLOVE + "good 7 7 7\n",
        # Some words of larger files hold spaces.
        "at name@domain.com 4 4 4\n. . . 5 5 5\n" + GLOVE,
    ],
)
def test_the_wanted_words_are_read_from_text(tmp_path: Path, text: str) -> None:
    found = read_text(tmp_path, text)
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "good": [1, 2, 3],
        "bad": [-1, -2, -3.5],
    }
    assert all(vector.dtype == np.float32 for vector in found.values())


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (GLOVE + "odd 1 2\n", 4, "has 2 numbers, where 3 are expected"),
        (GLOVE + "other 1 2\n", 4, "has 2 numbers"),
        (GLOVE.replace("good 1 2 3", "good 1 2 3 4"), 2, "has more than 3 numbers"),
        (GLOVE.replace("good 1 2 3", "good 1 two 3"), 2, "'good' is followed by what is no number"),
        (GLOVE.replace("good 1 2 3", "good 1 nan 3"), 2, "a number that is not finite"),
        (GLOVE + "\n", 4, "has 0 numbers"),
        (b"the 1 2 3\n\xff\xfe 1 2 3\n", 2, "is not UTF-8"),
        ("the 0.1 0.2 0.3 0.4\n", 1, "has more than 3 numbers"),
    ],
)
def test_a_broken_line_is_refused_by_its_number(
    tmp_path: Path, text: str | bytes, line: int, problem: str
) -> None:
    with pytest.raises(FinesentError, match=problem) as caught:
        read_text(tmp_path, text)
    assert caught.value.place == f"{tmp_path / 'vectors.txt'}, line {line}"


def test_word2vecs_own_count_of_dimensions_is_checked(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="has vectors of 4 dimensions, where the catalog says 3"):
        read_text(tmp_path, "2 4\ngood 1 2 3 4\nbad 1 2 3 4\n")


def test_the_wanted_words_are_read_from_a_matrix(tmp_path: Path) -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    found = read_matrix(tmp_path, matrix, ["the", "bad", "good", "bad"])
    assert {word: vector.tolist() for word, vector in found.items()} == {"bad": [3, 4, 5], "good": [6, 7, 8]}


@pytest.mark.parametrize(
    ("matrix", "words", "problem"),
    [
        (np.zeros((2, 4), np.float32), ["a", "b"], "vectors of 4 dimensions, where the catalog says 3"),
        (np.zeros((2, 3), np.float32), ["a"], "has 1 words for 2 vectors"),
        (np.zeros(3, np.float32), ["a", "b", "c"], "has 1 axes"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(
    tmp_path: Path, matrix: np.ndarray, words: list[str], problem: str
) -> None:
    with pytest.raises(FinesentError, match=problem):
        read_matrix(tmp_path, matrix, words)


def test_a_pickled_matrix_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="no NumPy matrix could be read"):
        read_matrix(tmp_path, np.array([{"a": 1}], dtype=object), ["a"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text('{"layout": "default"}')
    with pytest.raises(FinesentError, match=r"vectors\.txt: the file is missing"):
        read_vectors(tmp_path, entry("text"), {"good"})


def test_vectors_are_kept_by_token_id(tmp_path: Path) -> None:
    found = read_text(tmp_path, GLOVE)
    assert coverage(VOCABULARY, found) == pytest.approx(2 / 3)
    write_vectors(tmp_path, VOCABULARY, found)
    ids, vectors = load_vectors(tmp_path)
    assert ids.tolist() == [2, 3]
    assert vectors.tolist() == [[1, 2, 3], [-1, -2, -3.5]]


def test_vectors_of_another_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="a vector for none of the vocabulary's words"):
        write_vectors(tmp_path, VOCABULARY, {"gut": np.zeros(3, np.float32)})
    assert list(tmp_path.iterdir()) == []


def test_absent_vectors_are_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="the word vectors cannot be read") as caught:
        load_vectors(tmp_path)
    assert "under embeddings in params.yaml" in caught.value.remedy


def test_every_entry_of_the_catalog_is_sound() -> None:
    path = ROOT / "catalog" / "embeddings.yaml"
    for name, size in {"glove-50d": 50, "glove-100d": 100, "glove-200d": 200, "glove-300d": 300}.items():
        assert entries.embeddings(name, path).dimensions == size
    assert entries.embeddings("glove-50d", path).sources[0].kind == "pypi"
    assert entries.embeddings("my-vectors", path).sources[0].kind == "local"


def test_a_layout_names_the_files_of_its_format() -> None:
    content = json.loads(entry("matrix").model_dump_json())
    del content["layouts"]["default"]["files"]["words"]
    with pytest.raises(FinesentError, match="files of the format matrix must name vectors and words"):
        parse(Embeddings, content, "test")
