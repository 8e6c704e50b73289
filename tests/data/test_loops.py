"""Loops over the bytes of many texts, in C++ and in numpy, do to each text what a function of one does."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import xxhash
from hypothesis import example, given
from hypothesis import strategies as st

from finesent.data.loops import compiled, fastest
from finesent.data.loops.compiled import CompiledLoops
from finesent.data.loops.interface import Loops, Texts
from finesent.data.loops.plain import NumpyLoops

# Few different bytes, so that sequences occur and spaces meet.
few = st.sampled_from(b" a\x00\xc2\xff")
# And so many that they are more than are looked at together.
bytestrings = (
    st.lists(few).map(bytes) | st.binary(max_size=20) | st.lists(few, min_size=60, max_size=140).map(bytes)
)
texts = st.lists(bytestrings, max_size=6)
# What becomes of a byte: all 256, or few of them.
tables = st.binary(min_size=256, max_size=256) | st.lists(
    st.sampled_from(b" a\x00"), min_size=256, max_size=256
).map(bytes)
SAME = bytes(range(256))
SEQUENCES = [b"a", b" a", b"a ", b"aa", b"\xc2\xff", b"\0", b"\xffa", b"bc"]


def together(texts: list[bytes]) -> Texts:
    edges = np.cumsum([0, *map(len, texts)])
    return np.frombuffer(b"".join(texts), dtype=np.uint8), edges


def apart(texts: Texts) -> list[bytes]:
    letters, edges = texts
    assert letters.dtype == np.uint8 and edges.dtype == np.int64
    assert len(letters) == edges[-1]
    return [letters[a:b].tobytes() for a, b in pairwise(edges)]


@given(given=texts, table=tables)
@example(given=[b" a", b"a ", b" ", b"", b"a  a"], table=SAME)
@example(given=[b"a" * 63 + b"  a", b"a" * 64 + b" ", b" " * 64 + b"a", b" " * 128], table=SAME)
@example(given=[], table=SAME)
def test_squeeze(loops: Loops, given: list[bytes], table: bytes) -> None:
    expected = [b" ".join(filter(None, text.translate(table).split(b" "))) for text in given]
    assert apart(loops.squeeze(together(given), table)) == expected


@given(given=texts, table=tables)
@example(given=[], table=SAME)
def test_drop(loops: Loops, given: list[bytes], table: bytes) -> None:
    expected = [text.translate(table).replace(b"\0", b"") for text in given]
    assert apart(loops.drop(together(given), table)) == expected


@given(given=texts, sequences=st.lists(st.sampled_from(SEQUENCES)))
@example(given=[b"a", b" "], sequences=[b"a "])
@example(given=[b"aa"], sequences=[b"aaa", b"aa"])
@example(given=[b"a"], sequences=[b"aa"])
@example(given=[], sequences=[b"a"])
def test_holding(loops: Loops, given: list[bytes], sequences: list[bytes]) -> None:
    found = loops.holding(together(given), sequences)
    assert found.dtype == bool
    assert found.tolist() == [any(sequence in text for sequence in sequences) for text in given]


@given(given=texts)
def test_not_ascii(loops: Loops, given: list[bytes]) -> None:
    found = loops.not_ascii(together(given))
    assert found.dtype == bool
    assert found.tolist() == [not text.isascii() for text in given]


@given(given=texts, letter=st.sampled_from(b" a\xff"))
def test_count(loops: Loops, given: list[bytes], letter: int) -> None:
    counts = loops.count(together(given), letter)
    assert counts.dtype == np.int64
    assert counts.tolist() == [text.count(letter) for text in given]


@given(given=texts, table=tables)
@example(given=[b"a" * 200, b"", b"A" * 65], table=SAME.lower())
def test_sha256(loops: Loops, given: list[bytes], table: bytes) -> None:
    hashes = loops.sha256(together(given), table)
    assert hashes.dtype == np.uint64
    digests = [hashlib.sha256(text.translate(table)).digest() for text in given]
    assert hashes.tolist() == [int.from_bytes(digest[:8], "big") for digest in digests]


@given(given=texts)
def test_xxh3(loops: Loops, given: list[bytes]) -> None:
    hashes = loops.xxh3(together(given))
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == [xxhash.xxh3_64_intdigest(text) for text in given]


def test_hashes_are_the_same_where_the_libraries_functions_are_not_found(
    loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = together([b"film", b""])
    wanted = loops.sha256(given, SAME).tolist(), loops.xxh3(given).tolist()
    if isinstance(loops, CompiledLoops):
        assert loops._openssl is not None and loops._xxhash is not None
        # As where hashlib has no OpenSSL, or one whose functions have other names.
        for gone in (ImportError("no module"), AttributeError("no function")):
            with patch.object(compiled.importlib, "import_module", side_effect=gone):
                assert compiled._functions("_hashlib", ["SHA256_Init"]) is None
        monkeypatch.setattr(loops, "_openssl", None)
        monkeypatch.setattr(loops, "_xxhash", None)
        assert (loops.sha256(given, SAME).tolist(), loops.xxh3(given).tolist()) == wanted


def test_the_compiled_ones_are_taken_where_they_can_be_had(
    loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = fastest.byte_loops.__wrapped__
    if isinstance(loops, CompiledLoops):
        assert isinstance(choose(), CompiledLoops)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert isinstance(choose(), NumpyLoops)
