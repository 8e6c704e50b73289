"""The loops in C++, which take a fraction of numpy's time."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Sequence
from ctypes import c_int64, c_uint8, c_void_p
from pathlib import Path

import numpy as np

from finesent.compiling import CompilingError, compiled
from finesent.data.loops.interface import Texts
from finesent.data.loops.plain import NumpyLoops

SOURCES = Path(__file__).parent / "source"


def load_loops() -> CompiledLoops:
    """Compile and load the loops.

    Raises:
        CompilingError: they cannot be compiled or loaded here.
    """
    try:
        return CompiledLoops(compiled(SOURCES))
    except OSError as error:
        raise CompilingError(str(error)) from error


def _functions(module: str, names: Sequence[str]) -> list[c_void_p] | None:
    """Return where functions of a module lie, or of a library that it needs; None where one is not found."""
    try:
        library = ctypes.CDLL(importlib.import_module(module).__file__)
        functions = [getattr(library, name) for name in names]
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    return [ctypes.cast(function, c_void_p) for function in functions]


class CompiledLoops:
    """Those of texts.cpp and hashes.cpp.

    Args:
        path: of the compiled library.

    Raises:
        OSError: it cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        # Those that hashlib and xxhash call.
        self._openssl = _functions("_hashlib", ["SHA256_Init", "SHA256_Update", "SHA256_Final"])
        self._xxhash = _functions("xxhash._xxhash", ["XXH3_64bits"])

    def squeeze(self, texts: Texts, table: bytes) -> Texts:
        """As :class:`Loops` has it."""
        return self._mapped(self._library.squeeze, texts, table)

    def drop(self, texts: Texts, table: bytes) -> Texts:
        """As :class:`Loops` has it."""
        return self._mapped(self._library.drop, texts, table)

    def holding(self, texts: Texts, sequences: Sequence[bytes]) -> np.ndarray:
        """As :class:`Loops` has it."""
        found = np.empty(len(texts[1]) - 1, dtype=bool)
        joined = np.frombuffer(b"".join(sequences), dtype=np.uint8)
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        wanted = _address(joined), _address(lengths), c_int64(len(sequences))
        self._library.holding(*_given(texts), *wanted, _address(found))
        return found

    def not_ascii(self, texts: Texts) -> np.ndarray:
        """As :class:`Loops` has it."""
        found = np.empty(len(texts[1]) - 1, dtype=bool)
        self._library.not_ascii(*_given(texts), _address(found))
        return found

    def count(self, texts: Texts, letter: int) -> np.ndarray:
        """As :class:`Loops` has it."""
        counts = np.empty(len(texts[1]) - 1, dtype=np.int64)
        self._library.count(*_given(texts), c_uint8(letter), _address(counts))
        return counts

    def sha256(self, texts: Texts, table: bytes) -> np.ndarray:
        """As :class:`Loops` has it."""
        found = np.empty(len(texts[1]) - 1, dtype=np.uint64)
        given = *_given(texts), _address(np.frombuffer(table, np.uint8))
        if self._openssl is None or not self._library.sha256(*given, *self._openssl, _address(found)):
            return NumpyLoops().sha256(texts, table)
        return found

    def xxh3(self, texts: Texts) -> np.ndarray:
        """As :class:`Loops` has it."""
        if self._xxhash is None:
            return NumpyLoops().xxh3(texts)
        found = np.empty(len(texts[1]) - 1, dtype=np.uint64)
        self._library.xxh3(*_given(texts), *self._xxhash, _address(found))
        return found

    @staticmethod
    def _mapped(loop: ctypes._NamedFuncPointer, texts: Texts, table: bytes) -> Texts:
        output = np.empty_like(texts[0])
        limits = np.empty_like(texts[1])
        loop(*_given(texts), _address(np.frombuffer(table, np.uint8)), _address(output), _address(limits))
        return output[: limits[-1]], limits


def _given(texts: Texts) -> tuple[c_void_p, c_void_p, c_int64]:
    letters, edges = texts
    return _address(letters), _address(edges), c_int64(len(edges) - 1)


def _address(array: np.ndarray) -> c_void_p:
    assert array.flags.c_contiguous
    return c_void_p(array.ctypes.data)
