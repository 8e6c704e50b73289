"""The loops in numpy, for machines without a compiler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finesent.data.hashes import hash64, quick_hash64, slices
from finesent.data.loops.interface import DROPPED, SPACE, Texts


class NumpyLoops:
    """As :class:`finesent.data.loops.interface.Loops` has it, in numpy."""

    def squeeze(self, texts: Texts, table: bytes) -> Texts:
        """As :class:`Loops` has it."""
        letters, edges = texts
        mapped = _mapped(letters, table)
        return self._without(mapped, edges, _surplus_spaces(mapped, edges))

    def drop(self, texts: Texts, table: bytes) -> Texts:
        """As :class:`Loops` has it."""
        letters, edges = texts
        mapped = _mapped(letters, table)
        return self._without(mapped, edges, mapped == DROPPED)

    def holding(self, texts: Texts, sequences: Sequence[bytes]) -> np.ndarray:
        """As :class:`Loops` has it."""
        letters, edges = texts
        found = np.zeros(len(edges) - 1, dtype=bool)
        for sequence in sequences:
            places = np.flatnonzero(letters[: max(0, len(letters) - len(sequence) + 1)] == sequence[0])
            for ahead, letter in enumerate(sequence[1:], 1):
                places = places[letters[places + ahead] == letter]
            holders = _texts_at(edges, places)
            # A sequence may also begin at the end of one text and end in the next.
            found[holders[holders == _texts_at(edges, places + len(sequence) - 1)]] = True
        return found

    def not_ascii(self, texts: Texts) -> np.ndarray:
        """As :class:`Loops` has it."""
        letters, edges = texts
        found = np.zeros(len(edges) - 1, dtype=bool)
        found[_texts_at(edges, np.flatnonzero(letters > 127))] = True
        return found

    def count(self, texts: Texts, letter: int) -> np.ndarray:
        """As :class:`Loops` has it."""
        letters, edges = texts
        return _counts(letters == letter, edges)

    def sha256(self, texts: Texts, table: bytes) -> np.ndarray:
        """As :class:`Loops` has it."""
        letters, edges = texts
        return hash64(slices(letters.tobytes().translate(table), edges))

    def xxh3(self, texts: Texts) -> np.ndarray:
        """As :class:`Loops` has it."""
        letters, edges = texts
        return quick_hash64(slices(letters.tobytes(), edges))

    @staticmethod
    def _without(letters: np.ndarray, edges: np.ndarray, dropped: np.ndarray) -> Texts:
        return letters[~dropped], edges_of(np.diff(edges) - _counts(dropped, edges))


def edges_of(lengths: np.ndarray) -> np.ndarray:
    """Return (N + 1,) int64, where texts of these (N,) lengths begin, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)])


def _mapped(letters: np.ndarray, table: bytes) -> np.ndarray:
    # Faster than looking numbers up in an array.
    return np.frombuffer(letters.tobytes().translate(table), dtype=np.uint8)


def _counts(marked: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return (N,) int64, how many bytes of each text are ``marked``, (B,) bool."""
    begins, ends = edges[:-1], edges[1:]
    counts = np.zeros(len(begins), dtype=np.int64)
    # Between two of these stand the bytes of one text.
    filled = begins < ends
    if filled.any():
        # Adding up in 64 bits takes three times as long, and Arrow counts bytes in 32.
        counts[filled] = np.add.reduceat(marked, begins[filled], dtype=np.int32)
    return counts


def _texts_at(edges: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.searchsorted(edges, places, side="right") - 1


def _surplus_spaces(letters: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return (B,) bool: every space that follows one, or that begins or ends a text."""
    space = letters == SPACE
    after_blank = np.ones(len(letters), dtype=bool)
    after_blank[1:] = space[:-1]
    begins = edges[:-1]
    after_blank[begins[begins < len(letters)]] = True
    surplus: np.ndarray = space & after_blank
    # From the end of each text backwards, as long as there are spaces.
    starts, places = begins, edges[1:] - 1
    while len(places):
        within = places >= starts
        starts, places = starts[within], places[within]
        blank = space[places]
        starts, places = starts[blank], places[blank]
        surplus[places] = True
        places = places - 1
    return surplus
