"""Many texts as the bytes that Arrow keeps of them, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from finesent.data.loops.fastest import byte_loops
from finesent.data.loops.interface import SPACE, Texts


@dataclass(frozen=True)
class Joined:
    """N texts as UTF-8, one behind the other.

    Attributes:
        content: (B,) uint8, all their bytes.
        edges: (N + 1,) int64; text n has the bytes from ``edges[n]`` to ``edges[n + 1]``.
    """

    content: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, texts: pa.StringArray) -> Joined:
        if len(texts) == 0:
            return cls(np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))
        _, offsets, content = texts.buffers()
        edges = np.frombuffer(offsets, np.int32, len(texts) + 1, offset=4 * texts.offset).astype(np.int64)
        letters = np.frombuffer(content or b"", dtype=np.uint8)
        return cls(letters[edges[0] : edges[-1]], edges - edges[0])

    def squeezed(self, table: bytes) -> Joined:
        """Return the texts' bytes by a table, without spaces that begin or end a text or follow a space."""
        return Joined(*byte_loops().squeeze(self._texts, table))

    def dropped(self, table: bytes) -> Joined:
        """Return the texts' bytes by a table, without those that it makes zero."""
        return Joined(*byte_loops().drop(self._texts, table))

    def holding(self, sequences: Sequence[bytes]) -> np.ndarray:
        """Return (N,) bool: which texts hold one of these sequences of bytes."""
        return byte_loops().holding(self._texts, sequences)

    def not_ascii(self) -> np.ndarray:
        """Return (N,) bool: which texts hold a byte beyond ASCII."""
        return byte_loops().not_ascii(self._texts)

    def hashes(self, table: bytes) -> np.ndarray:
        """Return (N,) uint64 :func:`finesent.data.hashes.hash64` of the texts' bytes by a table."""
        return byte_loops().sha256(self._texts, table)

    def quick_hashes(self) -> np.ndarray:
        """Return (N,) uint64 :func:`finesent.data.hashes.quick_hash64` of the texts."""
        return byte_loops().xxh3(self._texts)

    def counts(self, letter: int) -> np.ndarray:
        """Return (N,) int64, how often each text holds a byte."""
        return byte_loops().count(self._texts, letter)

    @property
    def _texts(self) -> Texts:
        return self.content, self.edges


def cleaned_word_counts(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) int64, the number of words of texts as clean leaves them.

    These are not empty, and one space stands between two words, and nowhere else.
    """
    return Joined.of(texts).counts(SPACE) + 1
