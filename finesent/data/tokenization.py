"""From texts to token ids, unpadded: a backbone's tokens with the input's template around, or bare words."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from finesent.data.encoding import Encoding
from finesent.data.tables import word_counts
from finesent.data.vocabulary import PAD, Vocabulary, word_ids
from finesent.errors import FinesentError
from finesent.params.tokenize import Input

if TYPE_CHECKING:
    from tokenizers import Encoding as Tokens
    from transformers import PreTrainedTokenizerFast


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a backbone's fast tokenizer from its folder alone: no network, no code of the repository's.

    Raises:
        FinesentError: the folder has no fast tokenizer, or one without a vocabulary.
    """
    # This brings PyTorch, which an input of words has no use for.
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_fast=True
        )
    # The tokenizers library raises bare exceptions for a tokenizer.json that it cannot parse.
    except Exception as error:
        raise FinesentError(
            str(folder), f"no tokenizer could be loaded ({error})", "run `dvc repro download`"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise FinesentError(
            str(folder), "has no fast tokenizer", "choose a backbone that comes with tokenizer.json"
        )
    # From a config.json alone transformers builds a tokenizer to which every word is unknown.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise FinesentError(
            str(folder),
            "its tokenizer has no vocabulary",
            "name tokenizer.json among the backbone's files in catalog/backbones.yaml",
        )
    return tokenizer


def encoding_of(name: str, rules: Input, tokenizer: PreTrainedTokenizerFast) -> Encoding:
    """Describe the encoding that :func:`tokenize` will use."""
    _unbounded(tokenizer)
    serialised = tokenizer.backend_tokenizer.to_str().encode("utf-8")
    return Encoding(
        input=name,
        template=rules.template,
        max_length=rules.max_length,
        tokenizer=hashlib.sha256(serialised).hexdigest(),
        pad_id=int(tokenizer.pad_token_id or 0),
        vocabulary_size=len(tokenizer),
    )


def tokenize(rows: pd.DataFrame, rules: Input, tokenizer: PreTrainedTokenizerFast) -> tuple[pa.Table, int]:
    """Return a table of ``id, label, words, input_ids``, and how many rows were cut.

    ``words`` counts the words of the text itself; ``input_ids`` has one list of int32 a row, special
    tokens included, not padded. A row longer than ``max_length`` loses the end of its text, not of the
    template: what follows ``{text}`` in the template is kept. ``soft_label``, ``kind`` and ``weight`` come
    along where the rows have them.
    """
    before, after = rules.template.split("{text}")
    _unbounded(tokenizer)
    backend = tokenizer.backend_tokenizer
    inputs = [before + text + after for text in rows["text"]]
    # The backend is called directly, in the way that does not tell where tokens stand: few rows need that.
    ids: list[list[int]] = [encoding.ids for encoding in backend.encode_batch_fast(inputs)]
    long = [row for row, whole in enumerate(ids) if len(whole) > rules.max_length]
    for row, encoding in zip(long, backend.encode_batch([inputs[row] for row in long]), strict=True):
        ids[row] = _cut(encoding, len(before), len(inputs[row]) - len(after), rules.max_length)
    return _table(rows, ids), len(long)


def words_encoding(name: str, rules: Input, vocabulary: Vocabulary) -> Encoding:
    """Describe the encoding that :func:`tokenize_words` will use; the vocabulary is its tokenizer."""
    return Encoding(
        input=name,
        template=rules.template,
        max_length=rules.max_length,
        tokenizer=vocabulary.sha256,
        pad_id=PAD,
        vocabulary_size=len(vocabulary),
    )


def tokenize_words(rows: pd.DataFrame, rules: Input, vocabulary: Vocabulary) -> tuple[pa.Table, int]:
    """Do as :func:`tokenize` with the words of a vocabulary; there are no special tokens."""
    ids, cut = word_ids(rows["text"], vocabulary, rules.max_length)
    return _table(rows, ids), cut


def _table(rows: pd.DataFrame, ids: list[list[int]]) -> pa.Table:
    columns = {
        "id": pa.array(rows["id"].tolist(), pa.string()),
        "label": pa.array(rows["label"].to_numpy(np.int64)),
        "words": pa.array(word_counts(rows["text"])),
        "input_ids": pa.array(ids, pa.list_(pa.int32())),
    }
    if "soft_label" in rows.columns:
        columns["soft_label"] = pa.array(
            [None if share is None else list(share) for share in rows["soft_label"]],
            pa.list_(pa.float64()),
        )
    if "kind" in rows.columns:
        columns["kind"] = pa.array(rows["kind"].tolist(), pa.string())
        columns["weight"] = pa.array(rows["weight"].to_numpy(np.float32))
    return pa.table(columns)


def _unbounded(tokenizer: PreTrainedTokenizerFast) -> None:
    """Switch off the truncation and padding that a tokenizer.json may carry: max_length alone decides."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def _cut(encoding: Tokens, begin: int, end: int, max_length: int) -> list[int]:
    """Return the ids of a row that is too long without the last tokens of its text that do not fit.

    The text is the characters from ``begin`` to ``end``.

    Cutting tokens leaves every other as it was, where cutting characters would break a word into pieces.
    """
    ids: list[int] = encoding.ids
    excess = len(ids) - max_length
    spans = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    of_text = [
        n for n, ((first, last), special) in enumerate(spans) if begin <= first < end >= last and not special
    ]
    if excess > len(of_text):
        raise FinesentError(
            "params.yaml: inputs",
            f"the template alone has {len(ids) - len(of_text)} tokens, more than max_length={max_length}",
            "raise max_length",
        )
    dropped = set(of_text[len(of_text) - excess :])
    return [token for n, token in enumerate(ids) if n not in dropped]
