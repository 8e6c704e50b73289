"""Many texts as the bytes that Arrow keeps of them, one behind the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from finesent.data.loops.fastest import byte_loops
from finesent.data.loops.interface import SPACE, Texts


@dataclass(frozen=True)
class Joined:
    """N texts as UTF-8, one behind the other.

    Attributes:
        content: all their bytes.
        edges: (N + 1,) int64; text n has the bytes from ``edges[n]`` to ``edges[n + 1]``.
    """

    content: bytes
    edges: np.ndarray

    @classmethod
    def of(cls, texts: pa.StringArray) -> Joined:
        if len(texts) == 0:
            return cls(b"", np.zeros(1, dtype=np.int64))
        _, offsets, content = texts.buffers()
        edges = np.frombuffer(offsets, np.int32, len(texts) + 1, offset=4 * texts.offset).astype(np.int64)
        taken = bytes(memoryview(content)[edges[0] : edges[-1]]) if content else b""
        return cls(taken, edges - edges[0])

    def squeezed(self, table: bytes) -> Texts:
        """Return the texts' bytes by a table, without spaces that begin or end a text or follow a space."""
        return byte_loops().squeeze(self._texts, table)

    def dropped(self, table: bytes) -> Texts:
        """Return the texts' bytes by a table, without those that it makes zero."""
        return byte_loops().drop(self._texts, table)

    def holding(self, sequences: Iterable[bytes]) -> np.ndarray:
        """Return (N,) bool: which texts hold one of these sequences of bytes."""
        # Most texts hold few of the first bytes, and to find none takes no time.
        there = [sequence for sequence in sequences if sequence[:1] in self.content]
        if not there:
            return np.zeros(len(self.edges) - 1, dtype=bool)
        return byte_loops().holding(self._texts, there)

    def not_ascii(self) -> np.ndarray:
        """Return (N,) bool: which texts hold a byte beyond ASCII."""
        if self.content.isascii():
            return np.zeros(len(self.edges) - 1, dtype=bool)
        return byte_loops().not_ascii(self._texts)

    def hashes(self) -> np.ndarray:
        """Return (N,) uint64 :func:`finesent.data.hashes.hash64` of the texts."""
        return byte_loops().sha256(self._texts)

    def counts(self, letter: int) -> np.ndarray:
        """Return (N,) int64, how often each text holds a byte."""
        return byte_loops().count(self._texts, letter)

    @property
    def _texts(self) -> Texts:
        return np.frombuffer(self.content, dtype=np.uint8), self.edges


def cleaned_word_counts(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) int64, the number of words of texts as clean leaves them.

    These are not empty, and one space stands between two words, and nowhere else.
    """
    return Joined.of(texts).counts(SPACE) + 1
