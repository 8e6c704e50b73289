"""Many texts as the bytes that Arrow keeps of them, one behind the other, and what is counted in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

SPACE = ord(" ")


@dataclass(frozen=True)
class Joined:
    """N texts as UTF-8, one behind the other.

    Attributes:
        content: all their bytes.
        letters: (B,) uint8, the same.
        edges: (N + 1,) int64; text n has the bytes from ``edges[n]`` to ``edges[n + 1]``.
    """

    content: bytes
    letters: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, texts: pa.StringArray) -> Joined:
        if len(texts) == 0:
            return cls(b"", np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))
        _, offsets, content = texts.buffers()
        edges = np.frombuffer(offsets, np.int32, len(texts) + 1, offset=4 * texts.offset).astype(np.int64)
        taken = bytes(memoryview(content)[edges[0] : edges[-1]]) if content else b""
        return cls(taken, np.frombuffer(taken, dtype=np.uint8), edges - edges[0])

    def without(self, dropped: np.ndarray) -> np.ndarray:
        """Return the edges of the texts once the bytes that are ``dropped``, (B,) bool, are gone."""
        return edges_of(np.diff(self.edges) - self.counts(dropped))

    def counts(self, marked: np.ndarray) -> np.ndarray:
        """Return (N,) int64, how many bytes of each text are ``marked``, (B,) bool."""
        begins, ends = self.edges[:-1], self.edges[1:]
        counts = np.zeros(len(begins), dtype=np.int64)
        # Between two of these stand the bytes of one text.
        filled = begins < ends
        if filled.any():
            # Adding up in 64 bits takes three times as long, and Arrow counts bytes in 32.
            counts[filled] = np.add.reduceat(marked, begins[filled], dtype=np.int32)
        return counts

    def holding(self, sequences: Iterable[bytes]) -> np.ndarray:
        """Return (N,) bool: which texts hold one of these sequences of bytes."""
        found = np.zeros(len(self.edges) - 1, dtype=bool)
        for sequence in sequences:
            # Most texts hold few of the first bytes, and to find none takes a tenth of the time.
            if sequence[:1] not in self.content:
                continue
            places = np.flatnonzero(self.letters[: len(self.letters) - len(sequence) + 1] == sequence[0])
            for ahead, letter in enumerate(sequence[1:], 1):
                places = places[self.letters[places + ahead] == letter]
            texts = self._texts_at(places)
            # A sequence may also begin at the end of one text and end in the next.
            found[texts[texts == self._texts_at(places + len(sequence) - 1)]] = True
        return found

    def not_ascii(self) -> np.ndarray:
        """Return (N,) bool: which texts hold a byte beyond ASCII."""
        found = np.zeros(len(self.edges) - 1, dtype=bool)
        found[self._texts_at(np.flatnonzero(self.letters > 127))] = True
        return found

    def _texts_at(self, places: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.edges, places, side="right") - 1


def edges_of(lengths: np.ndarray) -> np.ndarray:
    """Return (N + 1,) int64, where texts of these (N,) lengths begin, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)])


def cleaned_word_counts(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) int64, the number of words of texts as clean leaves them.

    These are not empty, and one space stands between two words, and nowhere else.
    """
    joined = Joined.of(texts)
    return joined.counts(joined.letters == SPACE) + 1
