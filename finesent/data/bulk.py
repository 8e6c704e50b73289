"""Cleaning and keys of many texts at once, with the results of the functions for a single text.

Arrow keeps the bytes of all texts of a column behind one another. Nearly all that the recipes and keys do is
to map, drop and squeeze bytes, which is done to all texts together; those for which it is more go through
the function for one.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finesent.data.cleaning import RECIPES, normalised
from finesent.data.duplicates import duplicate_key
from finesent.data.pieces import strings

_SPACE = ord(" ")
_LETTERS = (string.ascii_letters + string.digits).encode()
_BYTES = bytes(range(256))
_LOWER = _BYTES.lower()
_DROPPED_FROM_KEYS = bytes(set(_BYTES) - set(_LETTERS))
# White space to Python, and so to the recipes.
_BLANKS = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def _table(kept: bytes, lower: bool) -> bytes:
    """Return a byte table that turns every byte but these into a space."""
    mapped = _LOWER if lower else _BYTES
    return bytes(mapped[byte] if byte in kept else _SPACE for byte in _BYTES)


_TABLES = {
    "none": _table(bytes(set(_BYTES) - set(_BLANKS)), lower=False),
    "reviews": _table(_LETTERS + b".,!?\"'", lower=True),
}
# Texts that hold one of these go through the recipe by themselves.
_NOT_BY_TABLE = {
    # The first bytes of all white space beyond ASCII.
    "none": [b"\xc2", b"\xe1", b"\xe2", b"\xe3"],
    # What & and < begin is for the function that knows HTML, and these two letters have ASCII lower case.
    "reviews": [b"&", b"<", "\u0130".encode(), "\u212a".encode()],
}
# The Penn Treebank's brackets begin so.
_BRACKETS = [b"-l", b"-r", b"-L", b"-R"]


@dataclass(frozen=True)
class _Joined:
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
    def of(cls, texts: pa.StringArray) -> _Joined:
        if len(texts) == 0:
            return cls(b"", np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))
        _, offsets, content = texts.buffers()
        edges = np.frombuffer(offsets, np.int32, len(texts) + 1, offset=4 * texts.offset).astype(np.int64)
        taken = bytes(memoryview(content)[edges[0] : edges[-1]]) if content else b""
        return cls(taken, np.frombuffer(taken, dtype=np.uint8), edges - edges[0])

    def each(self) -> Iterator[bytes]:
        """Yield the texts one by one."""
        content = self.content
        return (content[start:end] for start, end in pairwise(self.edges.tolist()))

    def without(self, mapped: np.ndarray, dropped: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the bytes of ``mapped`` that are not ``dropped``, both (B,), and the edges between them."""
        return mapped[~dropped], self.edges - np.searchsorted(np.flatnonzero(dropped), self.edges)

    def holding(self, sequences: Iterable[bytes]) -> np.ndarray:
        """Return (N,) bool: which texts hold one of these sequences of bytes."""
        found = np.zeros(len(self.edges) - 1, dtype=bool)
        for sequence in sequences:
            places = np.flatnonzero(self.letters[: len(self.letters) - len(sequence) + 1] == sequence[0])
            for ahead, letter in enumerate(sequence[1:], 1):
                places = places[self.letters[places + ahead] == letter]
            found[self._texts_at(places)] = True
        return found

    def not_ascii(self) -> np.ndarray:
        """Return (N,) bool: which texts hold a byte beyond ASCII."""
        found = np.zeros(len(self.edges) - 1, dtype=bool)
        found[self._texts_at(np.flatnonzero(self.letters > 127))] = True
        return found

    def _texts_at(self, places: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.edges, places, side="right") - 1


def clean_texts(texts: pa.StringArray, recipe: str) -> pa.StringArray:
    """Clean every text by a recipe of :data:`finesent.data.cleaning.RECIPES`."""
    joined = _Joined.of(texts)
    mapped = np.frombuffer(joined.content.translate(_TABLES[recipe]), dtype=np.uint8)
    letters, edges = joined.without(mapped, _surplus_spaces(mapped, joined.edges))
    cleaned = strings(letters, edges)
    alone = joined.holding(_NOT_BY_TABLE[recipe])
    if not alone.any():
        return cleaned
    mask = pa.array(alone)
    single = [RECIPES[recipe](text) for text in texts.filter(mask).to_pylist()]
    return pc.replace_with_mask(cleaned, mask, pa.array(single, pa.string()))


def word_counts(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) int64, the number of words of cleaned texts: between two of them stands one space."""
    joined = _Joined.of(texts)
    spaces = np.flatnonzero(joined.letters == _SPACE)
    counts: np.ndarray = np.diff(np.searchsorted(spaces, joined.edges)) + 1
    return counts


def text_hashes(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) uint64 :func:`hash64` of the normalised forms of cleaned texts."""
    joined = _Joined.of(texts)
    # A cleaned text has no white space to squeeze, and ASCII no forms but upper and lower case.
    hashes = hash64([text.lower() for text in joined.each()])
    return _with_single(hashes, joined.not_ascii(), texts, normalised)


def copy_hashes(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) uint64 :func:`hash64` of the duplicate keys of cleaned texts."""
    joined = _Joined.of(texts)
    keys = [text.translate(_LOWER, _DROPPED_FROM_KEYS) for text in joined.each()]
    # A text of punctuation alone has a key of another kind.
    blank = np.fromiter(map(len, keys), dtype=np.int64, count=len(keys)) == 0
    alone = joined.not_ascii() | joined.holding(_BRACKETS) | blank
    return _with_single(hash64(keys), alone, texts, duplicate_key)


def hash64(keys: Iterable[bytes]) -> np.ndarray:
    """Return (N,) uint64, the first eight bytes of each key's sha256, the first byte the highest.

    Among n different keys two have the same hash with a probability of about n² / 2^65: for four million,
    one in two million.
    """
    sha256 = hashlib.sha256
    digests = b"".join([sha256(key).digest() for key in keys])
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 4)[:, 0].astype(np.uint64)


def _with_single(
    hashes: np.ndarray, alone: np.ndarray, texts: pa.StringArray, key: Callable[[str], str]
) -> np.ndarray:
    """Return the hashes, those of the texts that are ``alone``, (N,) bool, made of the keys of each."""
    if alone.any():
        hashes[alone] = hash64(key(text).encode() for text in texts.filter(pa.array(alone)).to_pylist())
    return hashes


def _surplus_spaces(letters: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return (B,) bool: every space that follows one, or that begins or ends a text."""
    space = letters == _SPACE
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
