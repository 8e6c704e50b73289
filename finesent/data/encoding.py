"""What turned texts into token ids: carried inside the files, so that no two encodings get mixed.

Scoring a test split with another vocabulary than the model was trained on gives numbers that look like
results. Here the encoding travels with the tokens and with the model, and they are compared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from finesent.errors import FinesentError

_KEY = b"finesent"


@dataclass(frozen=True)
class Encoding:
    """How texts became token ids.

    Attributes:
        input: name of the input in params.yaml.
        template: the text around the text.
        max_length: in tokens, special ones included.
        tokenizer: sha256 over the tokenizer's own serialised form, or over the vocabulary of words.
        pad_id: the id that pads a batch.
        vocabulary_size: ids are below it.
    """

    input: str
    template: str
    max_length: int
    tokenizer: str
    pad_id: int
    vocabulary_size: int

    def attach(self, table: pa.Table) -> pa.Table:
        """Return the table with this encoding in its schema metadata."""
        return table.replace_schema_metadata({_KEY: json.dumps(asdict(self), sort_keys=True).encode()})

    @classmethod
    def of(cls, table: pa.Table, path: Path) -> Encoding:
        """Read the encoding out of a tokenized table.

        Raises:
            FinesentError: the table carries none.
        """
        metadata = table.schema.metadata or {}
        if _KEY not in metadata:
            raise FinesentError(
                str(path),
                "carries no encoding, so it was not written by tokenize",
                "run `dvc repro tokenize`",
            )
        return cls(**json.loads(metadata[_KEY]))


def require_same(trained: Encoding, scored: Encoding, model: Path, tokens: Path) -> None:
    """Refuse to score tokens that were made otherwise than those that the model learned from.

    Raises:
        FinesentError: naming the first field that differs.
    """
    if trained == scored:
        return
    ours, theirs = asdict(trained), asdict(scored)
    field = next(name for name in ours if ours[name] != theirs[name])
    raise FinesentError(
        str(model),
        f"was trained on tokens with {field}={ours[field]!r}, but {tokens} has {theirs[field]!r}",
        "run `dvc repro` so that model and tokens come from the same params",
    )
