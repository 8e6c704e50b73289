"""What can be done to every byte of many texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

SPACE = ord(" ")
# What a table makes of a byte that is to go.
DROPPED = 0

# (B,) uint8 bytes of N texts, and (N + 1,) int64, where each of them begins, and the end of the last.
Texts = tuple[np.ndarray, np.ndarray]


class Loops(Protocol):
    """What can be done. A table has 256 bytes: what becomes of each byte."""

    def squeeze(self, texts: Texts, table: bytes) -> Texts:
        """Map every byte, and leave out each space that begins or ends a text or follows a space."""

    def drop(self, texts: Texts, table: bytes) -> Texts:
        """Map every byte, and leave out those that become :data:`DROPPED`."""

    def holding(self, texts: Texts, sequences: Sequence[bytes]) -> np.ndarray:
        """Return (N,) bool: which texts hold one of these sequences, none of which is empty."""

    def not_ascii(self, texts: Texts) -> np.ndarray:
        """Return (N,) bool: which texts hold a byte beyond ASCII."""

    def count(self, texts: Texts, letter: int) -> np.ndarray:
        """Return (N,) int64, how often each text holds a byte."""

    def sha256(self, texts: Texts, table: bytes) -> np.ndarray:
        """Return (N,) uint64 :func:`finesent.data.hashes.hash64` of what a table makes of each text."""

    def xxh3(self, texts: Texts) -> np.ndarray:
        """Return (N,) uint64 :func:`finesent.data.hashes.quick_hash64` of each text."""
