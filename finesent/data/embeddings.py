"""Word vectors that others trained: read for the words of a vocabulary, and carried in a file of their own.

Two forms are read: the text form of GloVe and word2vec (a word and its numbers on each line), and a NumPy
matrix whose words lie in the one column of a Parquet file. Neither can hold code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from finesent.catalog.schema import Embeddings
from finesent.data.tables import read_arrow
from finesent.data.vocabulary import Vocabulary
from finesent.errors import FinesentError
from finesent.files import read_json, replacing

VECTORS = "vectors.safetensors"


def read_vectors(folder: Path, entry: Embeddings, words: set[str]) -> dict[str, np.ndarray]:
    """Return the (D,) float32 vectors of those ``words`` that the downloaded files have.

    Args:
        folder: as download left it, with source.json.
        entry: of the catalog.
        words: to look for.

    Raises:
        FinesentError: a file is missing, broken, or of another dimension than the catalog says.
    """
    layout = entry.layouts[read_json(folder / "source.json")["layout"]]
    vectors = folder / layout.files["vectors"].path
    if layout.format == "text":
        return _read_text(vectors, entry.dimensions, words)
    return _read_matrix(vectors, folder / layout.files["words"].path, entry.dimensions, words)


def coverage(vocabulary: Vocabulary, found: dict[str, np.ndarray]) -> float:
    """Return the share of the vocabulary's own words (padding and unknown aside) that have a vector."""
    return sum(word in found for word in vocabulary.words[2:]) / (len(vocabulary) - 2)


def write_vectors(folder: Path, vocabulary: Vocabulary, found: dict[str, np.ndarray]) -> None:
    """Write the (F, D) vectors found and the (F,) token ids they belong to.

    Raises:
        FinesentError: none was found.
    """
    ids = [number for number, word in enumerate(vocabulary.words) if word in found]
    if not ids:
        raise FinesentError(
            "params.yaml: embeddings",
            "have a vector for none of the vocabulary's words",
            "choose vectors of the texts' language, or set lowercase in inputs.*.words",
        )
    matrix = np.stack([found[vocabulary.words[number]] for number in ids])
    with replacing(folder / VECTORS) as temporary:
        save_file({"ids": np.array(ids, dtype=np.int64), "vectors": matrix}, temporary)


def load_vectors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (F,) int64 token ids and their (F, D) float32 vectors, as tokenize wrote them.

    Raises:
        FinesentError: there are none.
    """
    try:
        content = load_file(folder / VECTORS)
        return content["ids"], content["vectors"]
    except (OSError, KeyError, SafetensorError) as error:
        raise FinesentError(
            str(folder / VECTORS),
            f"the word vectors cannot be read ({error})",
            "name an entry of catalog/embeddings.yaml under embeddings in params.yaml, and run `dvc repro`",
        ) from error


def _read_text(path: Path, dimensions: int, words: set[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for number, (word, numbers) in _lines(path, dimensions):
        # A few words occur twice in published files; the first is the more frequent one.
        if word not in words or word in found:
            continue
        try:
            vector = np.array(numbers, dtype=np.float32)
        except ValueError as error:
            raise _broken_line(
                path, number, f"{word!r} is followed by what is no number ({error})"
            ) from error
        if not np.isfinite(vector).all():
            raise _broken_line(path, number, f"the vector of {word!r} has a number that is not finite")
        found[word] = vector
    return found


def _lines(path: Path, dimensions: int) -> Iterator[tuple[int, tuple[str, list[str]]]]:
    """Give each line's number, word and numbers; a first line with word2vec's two counts is passed over."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    text = line.decode("utf-8").rstrip(" \r\n")
                except UnicodeDecodeError as error:
                    raise _broken_line(path, number, f"is not UTF-8 ({error})") from error
                fields = text.split(" ")
                if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                    if int(fields[1]) != dimensions:
                        raise _wrong_dimension(path, int(fields[1]), dimensions)
                    continue
                # From the right: a word may hold spaces ("at name@domain.com" in glove.840B).
                if len(fields) <= dimensions:
                    raise _broken_line(
                        path, number, f"has {len(fields) - 1} numbers, where {dimensions} are expected"
                    )
                if len(fields) > dimensions + 1 and _is_number(fields[-dimensions - 1]):
                    raise _broken_line(
                        path, number, f"has more than {dimensions} numbers, where that many are expected"
                    )
                yield number, (" ".join(fields[:-dimensions]), fields[-dimensions:])
    except FileNotFoundError as error:
        raise FinesentError(str(path), "the file is missing", "run `dvc repro download`") from error


def _read_matrix(vectors: Path, words_file: Path, dimensions: int, words: set[str]) -> dict[str, np.ndarray]:
    try:
        # Mapped, not read: a vocabulary takes a few thousand rows of some hundred thousand.
        matrix = np.load(vectors, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise FinesentError(
            str(vectors), f"no NumPy matrix could be read ({error})", "run `dvc repro download`"
        ) from error
    known = read_arrow(words_file, "dvc repro download").column(0).to_pylist()
    if matrix.ndim != 2:
        raise FinesentError(
            str(vectors), f"has {matrix.ndim} axes, where words and dimensions are 2", "take a whole matrix"
        )
    if matrix.shape[1] != dimensions:
        raise _wrong_dimension(vectors, matrix.shape[1], dimensions)
    if len(known) != len(matrix):
        raise FinesentError(
            str(words_file),
            f"has {len(known)} words for {len(matrix)} vectors",
            "correct the entry in catalog/embeddings.yaml",
        )
    found: dict[str, np.ndarray] = {}
    for row, word in enumerate(known):
        if word in words and word not in found:
            found[word] = np.array(matrix[row], dtype=np.float32)
    return found


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _broken_line(path: Path, number: int, problem: str) -> FinesentError:
    return FinesentError(f"{path}, line {number}", problem, "repair or remove the line, or take a whole file")


def _wrong_dimension(path: Path, found: int, expected: int) -> FinesentError:
    return FinesentError(
        str(path),
        f"has vectors of {found} dimensions, where the catalog says {expected}",
        "correct dimensions in catalog/embeddings.yaml, or take the right file",
    )
