"""Cleaning and keys of many texts at once, with the results of the functions for a single text.

Most texts are ASCII, in which all that the recipes and keys do is to map, drop and squeeze bytes. Such texts
are joined by line feeds and go through byte tables together; every other goes through the function for one.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Iterable
from itertools import compress
from typing import TypeVar

import numpy as np

from finesent.data.cleaning import RECIPES, normalised
from finesent.data.duplicates import BRACKET, duplicate_key

T = TypeVar("T")

_LINE, _SPACE = b"\n "
_LETTERS = (string.ascii_letters + string.digits).encode()
_BYTES = bytes(range(256))
_LOWER = _BYTES.lower()
_DROPPED_FROM_KEYS = bytes(set(range(128)) - set(_LETTERS) - {_LINE})
# White space to Python, and so to the recipe; a line feed ends a text here and stays.
_BLANKS = b" \t\r\x0b\x0c\x1c\x1d\x1e\x1f"


def _table(kept: bytes, lower: bool) -> bytes:
    """Return a byte table that turns every byte but these and a line feed into a space."""
    mapped = _LOWER if lower else _BYTES
    return bytes(mapped[byte] if byte in kept or byte == _LINE else _SPACE for byte in _BYTES)


_TABLES = {
    "none": _table(bytes(set(_BYTES) - set(_BLANKS)), lower=False),
    "reviews": _table(_LETTERS + b".,!?\"'", lower=True),
}


def clean_texts(texts: list[str], recipe: str) -> list[str]:
    """Clean every text by a recipe of :data:`finesent.data.cleaning.RECIPES`."""

    def plain(text: str) -> bool:
        # What & and < begin is for the function that knows HTML.
        marked = recipe == "reviews" and ("&" in text or "<" in text)
        return text.isascii() and not marked and "\n" not in text

    def at_once(lines: bytes) -> list[str]:
        return _squeezed(lines.translate(_TABLES[recipe])).decode("ascii").split("\n")

    return _in_bulk(texts, plain, at_once, RECIPES[recipe])


def text_hashes(texts: list[str]) -> np.ndarray:
    """Return (N,) uint64 :func:`hash64` of the normalised forms of cleaned texts."""

    def at_once(lines: bytes) -> list[bytes]:
        # A cleaned text has no white space to squeeze, and ASCII no forms but upper and lower case.
        return lines.lower().split(b"\n")

    return hash64(_in_bulk(texts, str.isascii, at_once, lambda text: normalised(text).encode()))


def copy_hashes(texts: list[str]) -> np.ndarray:
    """Return (N,) uint64 :func:`hash64` of the duplicate keys of cleaned texts."""

    def plain(text: str) -> bool:
        return text.isascii() and not ("-" in text and BRACKET.search(text))

    def at_once(lines: bytes) -> list[bytes]:
        return lines.translate(_LOWER, _DROPPED_FROM_KEYS).split(b"\n")

    def single(text: str) -> bytes:
        return duplicate_key(text).encode()

    keys = _in_bulk(texts, plain, at_once, single)
    # A text of punctuation alone has a key of another kind.
    return hash64(key or single(text) for key, text in zip(keys, texts, strict=True))


def hash64(keys: Iterable[bytes]) -> np.ndarray:
    """Return (N,) uint64, the first eight bytes of each key's sha256, the first byte the highest.

    Among n different keys two have the same hash with a probability of about n² / 2^65: for four million,
    one in two million.
    """
    digests = b"".join([hashlib.sha256(key).digest() for key in keys])
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 4)[:, 0].astype(np.uint64)


def _in_bulk(
    texts: list[str],
    plain: Callable[[str], bool],
    at_once: Callable[[bytes], list[T]],
    single: Callable[[str], T],
) -> list[T]:
    """Apply ``at_once`` to the texts that are plain, a line each, and ``single`` to every other."""
    fits = [plain(text) for text in texts]
    if not any(fits):
        return [single(text) for text in texts]
    done = iter(at_once("\n".join(compress(texts, fits)).encode("ascii")))
    return [next(done) if fit else single(text) for text, fit in zip(texts, fits, strict=True)]


def _squeezed(lines: bytes) -> bytes:
    """Take out every space that follows one, or that begins or ends a line."""
    letters = np.frombuffer(lines, dtype=np.uint8)
    space = letters == _SPACE
    after_blank = np.ones(len(letters), dtype=bool)
    after_blank[1:] = (space | (letters == _LINE))[:-1]
    # Of the spaces at the end of a line one is left.
    squeezed: bytes = letters[~(space & after_blank)].tobytes()
    return squeezed.replace(b" \n", b"\n").removesuffix(b" ")
