"""Cleaning and keys of many texts at once, with the results of the functions for a single text.

Arrow keeps the bytes of all texts of a column behind one another. Nearly all that the recipes and keys do is
to map, drop and squeeze bytes, which is done to all texts together; those for which it is more go through
the function for one.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finesent.data.cleaning import normalised, review_letters, squeeze_spaces, without_markup
from finesent.data.duplicates import duplicate_key
from finesent.data.hashes import hash64, quick_hash64
from finesent.data.joined import Joined
from finesent.data.loops.interface import DROPPED, SPACE
from finesent.data.pieces import strings

_LETTERS = (string.ascii_letters + string.digits).encode()
_BYTES = bytes(range(256))
_LOWER = _BYTES.lower()
# What duplicate keys make of a byte.
_KEYS = bytes(_LOWER[byte] if byte in _LETTERS else DROPPED for byte in _BYTES)
# White space to Python, and so to the recipes.
_BLANKS = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def _table(kept: bytes, lower: bool) -> bytes:
    """Return a byte table that turns every byte but these into a space."""
    mapped = _LOWER if lower else _BYTES
    return bytes(mapped[byte] if byte in kept else SPACE for byte in _BYTES)


_TABLES = {
    "none": _table(bytes(set(_BYTES) - set(_BLANKS)), lower=False),
    "reviews": _table(_LETTERS + b".,!?\"'", lower=True),
}
# What a table cannot do: a text that holds one of these sequences is cleaned by the function instead.
_NOT_BY_TABLE = {
    # The first bytes of all white space beyond ASCII.
    "none": ([b"\xc2", b"\xe1", b"\xe2", b"\xe3"], squeeze_spaces),
    # These two letters have ASCII lower case.
    "reviews": (["\u0130".encode(), "\u212a".encode()], review_letters),
}
_MARKUP = [b"&", b"<"]
# The Penn Treebank's brackets begin so.
_BRACKETS = [b"-l", b"-r", b"-L", b"-R"]


def clean_texts(texts: pa.StringArray, recipe: str) -> pa.StringArray:
    """Clean every text by a recipe of :data:`finesent.data.cleaning.RECIPES`."""
    joined = Joined.of(texts)
    if recipe == "reviews" and (marked := joined.holding(_MARKUP)).any():
        texts = _by_themselves(texts, texts, marked, without_markup)
        joined = Joined.of(texts)
    squeezed = joined.squeezed(_TABLES[recipe])
    cleaned = strings(squeezed.content, squeezed.edges)
    sequences, clean = _NOT_BY_TABLE[recipe]
    return _by_themselves(cleaned, texts, joined.holding(sequences), clean)


def text_hashes(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) uint64 :func:`hash64` of the normalised forms of cleaned texts."""
    joined = Joined.of(texts)
    # A cleaned text has no white space to squeeze, and ASCII no forms but upper and lower case.
    return _with_single(joined.hashes(_LOWER), joined.not_ascii(), texts, normalised, hash64)


def copy_hashes(texts: pa.StringArray) -> np.ndarray:
    """Return (N,) uint64 :func:`quick_hash64` of the duplicate keys of cleaned texts."""
    joined = Joined.of(texts)
    keys = joined.dropped(_KEYS)
    # A text of punctuation alone has a key of another kind.
    blank = np.diff(keys.edges) == 0
    alone = joined.not_ascii() | joined.holding(_BRACKETS) | blank
    return _with_single(keys.quick_hashes(), alone, texts, duplicate_key, quick_hash64)


def _by_themselves(
    cleaned: pa.StringArray, texts: pa.StringArray, alone: np.ndarray, function: Callable[[str], str]
) -> pa.StringArray:
    """Return the cleaned texts; those that are ``alone``, (N,) bool, as the function makes them of each."""
    if not alone.any():
        return cleaned
    mask = pa.array(alone)
    single = [function(text) for text in texts.filter(mask).to_pylist()]
    return pc.replace_with_mask(cleaned, mask, pa.array(single, pa.string()))


def _with_single(
    hashes: np.ndarray,
    alone: np.ndarray,
    texts: pa.StringArray,
    key: Callable[[str], str],
    hashed: Callable[[Iterable[bytes]], np.ndarray],
) -> np.ndarray:
    """Return the hashes, those of the texts that are ``alone``, (N,) bool, made of the keys of each."""
    if alone.any():
        hashes[alone] = hashed(key(text).encode() for text in texts.filter(pa.array(alone)).to_pylist())
    return hashes
