"""tokenize: turn every text into the token ids of one input, unpadded.

One input is shared by all ablations that name it. The encoding (template, length, tokenizer) is written
into the files, and evaluate compares it with the one the model was trained on. An input of words has its
vocabulary built here, on the training rows alone, and laid beside the tokens with the vectors of its words.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from finesent.catalog import entries
from finesent.data.embeddings import coverage, read_vectors, write_vectors
from finesent.data.encoding import Encoding
from finesent.data.parallel import in_order, processes
from finesent.data.tables import BATCH, read_batches, write_batches
from finesent.data.tokenization import (
    encoding_of,
    load_tokenizer,
    tokenize,
    tokenize_words,
    words_encoding,
)
from finesent.data.transfer import read_transfer_index, transfer_file, write_transfer_index
from finesent.data.vocabulary import VOCABULARY, Vocabulary, build_vocabulary, count_words, write_vocabulary
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

# Texts that a backbone's tokenizer gets at once: it keeps twenty times as much of a text as its tokens.
_BATCH = 4096

# From the path of a file of texts to tables of their tokens, each with the number of rows that were cut.
Turn = Callable[[Path], Iterator[tuple[pa.Table, int]]]


def main() -> str:
    """Tokenize the three splits and the further test sets for the input named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.tokenize", "needs the name of one input", "python -m stages.tokenize plain"
        )
    name = sys.argv[1]
    with processes() as pool:
        return _write(name, read_input(name), pool)


def _write(name: str, rules: Input, pool: ProcessPoolExecutor) -> str:
    vocabulary = None if rules.words is None else _vocabulary_of(rules.words, pool)
    if vocabulary is None:
        encoding, turn = _tokens_of(name, rules)
    else:
        encoding, turn = _words_of(name, rules, vocabulary, pool)
    told: list[str] = []

    def write(split: str, source: Path, target: Path) -> None:
        counts = _Counts()
        write_batches(target, (encoding.attach(table) for table in counts.over(source, turn)))
        told.append(f"{split} {counts.tokens / max(1, counts.rows):.1f} tokens a row, {counts.cut} cut")

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

    # The tokenizer uses every core by itself.
    def turn(source: Path) -> Iterator[tuple[pa.Table, int]]:
        for texts in read_batches(source, size=_BATCH):
            yield tokenize(texts.to_pandas(), rules, tokenizer)

    return encoding_of(name, rules, tokenizer), turn


def _words_of(
    name: str, rules: Input, vocabulary: Vocabulary, pool: ProcessPoolExecutor
) -> tuple[Encoding, Turn]:
    tokens = partial(_words, rules=rules, vocabulary=vocabulary)
    encoding = words_encoding(name, rules, vocabulary)
    return encoding, lambda source: in_order(pool, tokens, _filled(read_batches(source, size=BATCH)))


def _words(texts: pa.Table, rules: Input, vocabulary: Vocabulary) -> tuple[pa.Table, int]:
    return tokenize_words(texts.to_pandas(), rules, vocabulary)


def _vocabulary_of(words: Words, pool: ProcessPoolExecutor) -> Vocabulary:
    """Never of other rows than those that are trained on: a word of test alone is an unknown word."""
    texts = _filled(read_batches(SOURCES["train"], ["text"], BATCH))
    counts: Counter[str] = Counter()
    for counted in in_order(pool, partial(_counted, lowercase=words.lowercase), texts):
        counts.update(counted)
    return build_vocabulary(counts, words)


def _counted(texts: pa.Table, lowercase: bool) -> Counter[str]:
    return count_words(texts["text"].to_pylist(), lowercase)


def _filled(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables that have rows, and if none has, the first: for a single one no process is started."""
    rest = iter(tables)
    first = next(rest)
    yield first
    yield from (table for table in rest if len(table))


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


@dataclass
class _Counts:
    """Counts rows and tokens as they go by, and the rows that were cut."""

    rows: int = 0
    tokens: int = 0
    cut: int = 0

    def over(self, source: Path, turn: Turn) -> Iterator[pa.Table]:
        """Yield the tokens of a file of texts, batch by batch."""
        for table, cut in turn(source):
            self.rows += len(table)
            self.tokens += len(pc.list_flatten(table["input_ids"]))
            self.cut += cut
            yield table


if __name__ == "__main__":
    run_stage(main)
