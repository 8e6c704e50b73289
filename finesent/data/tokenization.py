"""From texts to token ids, unpadded, with the input's template around each text."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from finesent.data.encoding import Encoding
from finesent.data.tables import word_counts
from finesent.errors import FinesentError
from finesent.params.tokenize import Input


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a backbone's fast tokenizer from its folder alone: no network, no code of the repository's.

    Raises:
        FinesentError: the folder has no fast tokenizer, or one without a vocabulary.
    """
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
    """Return a table of ``id, label, words, input_ids`` (and ``soft_label``), and how many rows were cut.

    ``words`` counts the words of the text itself; ``input_ids`` has one list of int32 a row, special
    tokens included, not padded. A row longer than ``max_length`` loses the end of its text, not of the
    template: what follows ``{text}`` in the template is kept.
    """
    before, after = rules.template.split("{text}")
    # Encoded without truncation first: most rows need none, and the few that do are cut by their text.
    ids = _encode([before + text + after for text in rows["text"]], tokenizer)
    long = [row for row, tokens in enumerate(ids) if len(tokens) > rules.max_length]
    for row in long:
        ids[row] = _fit(rows["text"].iloc[row], before, after, rules.max_length, tokenizer)
    columns = {
        "id": pa.array(rows["id"].tolist(), pa.string()),
        "label": pa.array(rows["label"].to_numpy(np.int64)),
        "words": pa.array(word_counts(rows["text"])),
        "input_ids": pa.array(ids, pa.list_(pa.int32())),
    }
    if "soft_label" in rows.columns:
        columns["soft_label"] = pa.array(
            [list(share) for share in rows["soft_label"]], pa.list_(pa.float64())
        )
    return pa.table(columns), len(long)


def _encode(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> list[list[int]]:
    _unbounded(tokenizer)
    # The backend is called directly: no attention masks are built that nobody reads.
    batch = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=True)
    return [encoding.ids for encoding in batch]


def _unbounded(tokenizer: PreTrainedTokenizerFast) -> None:
    """Switch off the truncation and padding that a tokenizer.json may carry: max_length alone decides."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def _fit(
    text: str, before: str, after: str, max_length: int, tokenizer: PreTrainedTokenizerFast
) -> list[int]:
    """Encode with as many leading characters of the text as fit, found by bisection."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(_encode([before + text[:middle] + after], tokenizer)[0]) <= max_length
        low, high = (middle, high) if fits else (low, middle - 1)
    ids = _encode([before + text[:low] + after], tokenizer)[0]
    if len(ids) > max_length:
        raise FinesentError(
            "params.yaml: inputs",
            f"the template alone has {len(ids)} tokens, more than max_length={max_length}",
            "raise max_length",
        )
    return ids
