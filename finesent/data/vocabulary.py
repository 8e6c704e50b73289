"""The words that a recurrent encoder knows, and their numbers.

It is built on the training rows alone, stored beside the tokens and again inside every model, and its hash
is part of the encoding: tokens of another vocabulary are refused wherever a model meets them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finesent.data.words import split_words
from finesent.errors import FinesentError
from finesent.files import read_json, write_json
from finesent.params.tokenize import Words

PAD, UNKNOWN = 0, 1
# The file's name beside the tokens, and in the folder of a model's encoder.
VOCABULARY = "vocabulary.json"
_SPECIAL = ("<PAD>", "<UNK>")


@dataclass(frozen=True)
class Vocabulary:
    """V words; a word's place in the list is its token id.

    Attributes:
        words: ``<PAD>``, ``<UNK>``, then the most frequent word first.
        lowercase: whether texts are lower-cased before they are looked up.
    """

    words: list[str]
    lowercase: bool

    def __len__(self) -> int:
        return len(self.words)

    @property
    def sha256(self) -> str:
        """Over the words, their order and the case rule: what tells two vocabularies apart."""
        return hashlib.sha256(json.dumps(asdict(self), ensure_ascii=False).encode("utf-8")).hexdigest()


def count_words(texts: Iterable[str], lowercase: bool) -> Counter[str]:
    """Return how often each word occurs in the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(split_words(text, lowercase))
    return counts


def build_vocabulary(counts: Counter[str], rules: Words) -> Vocabulary:
    """Keep the frequent words of the training texts; equal counts stand by spelling.

    Raises:
        FinesentError: no word is left.
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [word for word, count in ranked if count >= rules.min_count][: rules.max_size - len(_SPECIAL)]
    if not kept:
        raise FinesentError(
            "params.yaml: inputs.*.words",
            f"the vocabulary is empty: no word of the training rows occurs {rules.min_count} times",
            "lower min_count, or train on more rows",
        )
    return Vocabulary([*_SPECIAL, *kept], rules.lowercase)


def word_ids(texts: Iterable[str], vocabulary: Vocabulary, max_length: int) -> tuple[list[list[int]], int]:
    """Return the token ids of each text, cut after ``max_length`` words, and how many texts were cut.

    A text without any word becomes one unknown word: an encoder cannot read nothing.
    """
    number = {word: index for index, word in enumerate(vocabulary.words)}
    # A word of the text that looks like a special entry is split by its brackets, so it never meets one.
    rows = [split_words(text, vocabulary.lowercase) for text in texts]
    ids = [[number.get(word, UNKNOWN) for word in words[:max_length]] or [UNKNOWN] for words in rows]
    return ids, sum(len(words) > max_length for words in rows)


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary as JSON, one word a line."""
    write_json(path, asdict(vocabulary))


def read_vocabulary(path: Path) -> Vocabulary:
    """Read what :func:`write_vocabulary` wrote.

    Raises:
        FinesentError: the file is missing or is no vocabulary.
    """
    content: Any = read_json(path)
    try:
        vocabulary = Vocabulary(**content)
        sound = vocabulary.words[:2] == list(_SPECIAL) and len(set(vocabulary.words)) == len(vocabulary) > 2
    except TypeError:
        sound = False
    if not sound:
        raise FinesentError(
            str(path), "is no vocabulary, or not as tokenize wrote it", "run `dvc repro tokenize`"
        )
    return vocabulary
