"""Tokenized splits in memory: flat arrays, padded only when a batch is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from finesent.data.encoding import Encoding
from finesent.data.tables import read_arrow
from finesent.errors import FinesentError


@dataclass(frozen=True)
class TokenizedSplit:
    """One tokenized split of N rows.

    Attributes:
        ids: N row ids.
        labels: (N,) int64 classes.
        words: (N,) int64 lengths of the texts in words.
        tokens: (T,) int32, all rows' token ids one after the other.
        offsets: (N + 1,) int64; row i is ``tokens[offsets[i]:offsets[i + 1]]``.
        encoding: how the tokens were made.
        soft_labels: (N, C) float32 shares of the raters, a row of NaN where nobody rated; None if the split
            has none.
        phrases: (N,) bool, which rows are phrases and no sentences; None if none is.
        weights: (N,) float32 weights of the rows in training; None if all count alike.
    """

    ids: list[str]
    labels: np.ndarray
    words: np.ndarray
    tokens: np.ndarray
    offsets: np.ndarray
    encoding: Encoding
    soft_labels: np.ndarray | None = None
    phrases: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """(N,) number of tokens of each row."""
        return np.diff(self.offsets)

    def padded(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``rows`` as a batch padded to its longest.

        Args:
            rows: (B,) row numbers.

        Returns:
            (B, L) int64 token ids and (B, L) int64 attention mask, 1 where there is a token.
        """
        lengths = self.lengths[rows]
        columns = np.arange(lengths.max())
        mask = columns < lengths[:, None]
        # Where the mask is 0 the index is meaningless; it is clipped into range and overwritten.
        where = np.minimum(self.offsets[rows][:, None] + columns, len(self.tokens) - 1)
        return np.where(mask, self.tokens[where], self.encoding.pad_id).astype(np.int64), mask.astype(
            np.int64
        )

    def take(self, rows: np.ndarray) -> TokenizedSplit:
        """Return the split of these (B,) rows alone, in the order given."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        where = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(
            self,
            ids=[self.ids[row] for row in rows],
            labels=self.labels[rows],
            words=self.words[rows],
            tokens=self.tokens[where],
            offsets=offsets,
            soft_labels=None if self.soft_labels is None else self.soft_labels[rows],
            phrases=None if self.phrases is None else self.phrases[rows],
            weights=None if self.weights is None else self.weights[rows],
        )


def read_tokens(path: Path) -> TokenizedSplit:
    """Read a split that tokenize wrote.

    Raises:
        FinesentError: the file is missing, is not a tokenized split, or has no row.
    """
    table = read_arrow(path)
    encoding = Encoding.of(table, path)
    if len(table) == 0:
        raise FinesentError(str(path), "has no row", "raise sample.train_size, or check the data set")
    lists = table["input_ids"].combine_chunks()
    return TokenizedSplit(
        ids=table["id"].to_pylist(),
        labels=table["label"].to_numpy(),
        words=table["words"].to_numpy(),
        tokens=lists.flatten().to_numpy(),
        offsets=np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy())]).astype(np.int64),
        encoding=encoding,
        soft_labels=_soft_labels(table),
        phrases=np.array(table["kind"]) == "phrase" if "kind" in table.column_names else None,
        weights=table["weight"].to_numpy() if "weight" in table.column_names else None,
    )


def _soft_labels(table: pa.Table) -> np.ndarray | None:
    if "soft_label" not in table.column_names:
        return None
    shares = table["soft_label"].combine_chunks()
    rated = shares.is_valid().to_numpy(zero_copy_only=False)
    if not rated.any():
        return None
    values = shares.flatten().to_numpy().reshape(rated.sum(), -1)
    filled = np.full((len(rated), values.shape[1]), np.nan, dtype=np.float32)
    filled[rated] = values
    return filled
