"""tokenize: turn every text into the token ids of one input, unpadded.

One input is shared by all ablations that name it. The encoding (template, length, tokenizer) is written
into the files, and evaluate compares it with the one the model was trained on. An input of words has its
vocabulary built here, on the training rows alone, and laid beside the tokens with the vectors of its words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from finesent.catalog import entries
from finesent.data.embeddings import coverage, read_vectors, write_vectors
from finesent.data.encoding import Encoding
from finesent.data.tables import read_rows, write_arrow
from finesent.data.tokenization import (
    encoding_of,
    load_tokenizer,
    tokenize,
    tokenize_words,
    words_encoding,
)
from finesent.data.transfer import read_transfer_index, transfer_file, write_transfer_index
from finesent.data.vocabulary import VOCABULARY, Vocabulary, build_vocabulary, write_vocabulary
from finesent.errors import FinesentError
from finesent.files import replacing
from finesent.params.reading import read_params
from finesent.params.tokenize import Input, TokenizeParams, Words, read_input
from finesent.stage import run_stage

BACKBONE = Path("data/backbone")
EMBEDDINGS = Path("data/embeddings")
TOKENIZED = Path("data/tokenized")
SOURCES = {
    "train": Path("data/sampled/train.parquet"),
    "dev": Path("data/clean/dev.parquet"),
    "test": Path("data/clean/test.parquet"),
}
TRANSFER = Path("data/clean/transfer")

Turn = Callable[[pd.DataFrame], tuple[pa.Table, int]]


def main() -> str:
    """Tokenize the three splits and the further test sets for the input named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.tokenize", "needs the name of one input", "python -m stages.tokenize plain"
        )
    name = sys.argv[1]
    rules = read_input(name)
    vocabulary = None if rules.words is None else _vocabulary_of(rules.words)
    encoding, turn = _tokens_of(name, rules) if vocabulary is None else _words_of(name, rules, vocabulary)
    told: list[str] = []

    def write(split: str, source: Path, target: Path) -> None:
        table, cut = turn(read_rows(source))
        write_arrow(target, encoding.attach(table))
        told.append(f"{split} {_mean_tokens(table):.1f} tokens a row, {cut} cut")

    for split, source in SOURCES.items():
        write(split, source, TOKENIZED / name / f"{split}.parquet")
    index = read_transfer_index(TRANSFER)
    with replacing(TOKENIZED / name / "transfer") as folder:
        for test_set in index:
            write(test_set, transfer_file(TRANSFER, test_set), transfer_file(folder, test_set))
        write_transfer_index(folder, index)
    # There is a folder even if nothing goes into it: DVC expects one.
    with replacing(TOKENIZED / name / "words") as folder:
        folder.mkdir()
        if vocabulary is not None:
            told += _write_words(folder, vocabulary)
    return f"tokenize {name}: {'; '.join(told)}"


def _tokens_of(name: str, rules: Input) -> tuple[Encoding, Turn]:
    tokenizer = load_tokenizer(BACKBONE)
    return encoding_of(name, rules, tokenizer), lambda rows: tokenize(rows, rules, tokenizer)


def _words_of(name: str, rules: Input, vocabulary: Vocabulary) -> tuple[Encoding, Turn]:
    return words_encoding(name, rules, vocabulary), lambda rows: tokenize_words(rows, rules, vocabulary)


def _vocabulary_of(words: Words) -> Vocabulary:
    """Never of other rows than those that are trained on: a word of test alone is an unknown word."""
    return build_vocabulary(read_rows(SOURCES["train"])["text"], words)


def _write_words(folder: Path, vocabulary: Vocabulary) -> list[str]:
    """Write the vocabulary, and those vectors of its words that the study's embeddings have."""
    write_vocabulary(folder / VOCABULARY, vocabulary)
    told = [f"{len(vocabulary)} words"]
    source = read_params(TokenizeParams).embeddings
    if source is not None:
        found = read_vectors(EMBEDDINGS, entries.embeddings(source), set(vocabulary.words))
        write_vectors(folder, vocabulary, found)
        told.append(f"{source} covers {coverage(vocabulary, found):.1%} of them")
    return told


def _mean_tokens(table: pa.Table) -> float:
    return len(table["input_ids"].combine_chunks().flatten()) / max(1, len(table))


if __name__ == "__main__":
    run_stage(main)
