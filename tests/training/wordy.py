"""Word-level inputs for tests of training: tokens, vocabulary and a few word vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from finesent.data.embeddings import write_vectors
from finesent.data.tables import write_arrow
from finesent.data.tokenization import tokenize_words, words_encoding
from finesent.data.vocabulary import VOCABULARY, build_vocabulary, count_words, write_vocabulary
from finesent.params.tokenize import Input, Words
from tests.conftest import TELLING, make_rows

RULES = Input(template="{text}", max_length=32, words=Words(max_size=100, min_count=1, lowercase=True))
RANDOM = {"kind": "random", "size": 8}


def recurrent(cell: str = "lstm", bidirectional: bool = True, **changes: Any) -> dict[str, Any]:
    """An encoder block of 8 units a direction."""
    return {
        "kind": "recurrent",
        "cell": cell,
        "bidirectional": bidirectional,
        "layers": 1,
        "hidden": 8,
        "dropout": 0.1,
        "embeddings": RANDOM,
    } | changes


def write_words(folder: Path, sizes: dict[str, int], vocabulary_seed: int = 0) -> Path:
    """Tokenize the splits of tests.conftest.write_tokens into words, and keep vectors of 6 numbers.

    Another ``vocabulary_seed`` counts the words of other rows, and so gives another order of them.
    """
    texts = [make_rows(size, seed=number) for number, size in enumerate(sizes.values())]
    assert RULES.words is not None
    counted = make_rows(len(texts[0]), seed=vocabulary_seed)["text"]
    vocabulary = build_vocabulary(count_words(counted, RULES.words.lowercase), RULES.words)
    for split, rows in zip(sizes, texts, strict=True):
        table, _ = tokenize_words(rows, RULES, vocabulary)
        write_arrow(folder / f"{split}.parquet", words_encoding("plain", RULES, vocabulary).attach(table))
    (folder / "words").mkdir(exist_ok=True)
    write_vocabulary(folder / "words" / VOCABULARY, vocabulary)
    known = {word: np.full(6, number, np.float32) for number, word in enumerate(TELLING, start=1)}
    write_vectors(folder / "words", vocabulary, known)
    return folder
