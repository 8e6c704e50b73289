"""What Thrift's compact protocol says is read, and written back as it was."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.compact import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Listed,
    read_struct,
    write_struct,
)

PLAIN = st.one_of(
    st.sampled_from([(TRUE, None), (FALSE, None)]),
    st.tuples(st.just(BYTE), st.binary(min_size=1, max_size=1)),
    st.tuples(st.just(I16), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(I32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(I64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(DOUBLE), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(BINARY), st.binary(max_size=300)),
)


def structs(inner: Any) -> Any:
    return st.dictionaries(st.integers(1, 60), inner, max_size=6).map(
        lambda found: dict(sorted(found.items()))
    )


def deeper(inner: Any) -> Any:
    numbers = st.lists(st.integers(-9, 2**40), max_size=40).map(lambda items: (LIST, Listed(I64, items)))
    listed = st.lists(structs(inner), max_size=4).map(lambda items: (LIST, Listed(STRUCT, items)))
    return st.one_of(inner, st.tuples(st.just(STRUCT), structs(inner)), numbers, listed)


@given(struct=structs(st.recursive(PLAIN, deeper, max_leaves=8)))
def test_what_was_written_is_read(struct: Any) -> None:
    content = write_struct(struct)
    assert read_struct(content) == struct
    assert write_struct(read_struct(content)) == content


def test_bytes_are_those_of_the_specification() -> None:
    # 1: i32 = 1; 17: "ab"; 18: list<i32> of -1 and 150.
    struct = {1: (I32, 1), 17: (BINARY, b"ab"), 18: (LIST, Listed(I32, [-1, 150]))}
    assert write_struct(struct) == bytes.fromhex("1502 0822026162 19250 1ac02 00".replace(" ", ""))


def test_a_footer_is_written_back_as_it_was() -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": ["x", None], "b": [[1.5], []]}), sink)
    content = sink.getvalue().to_pybytes()
    size = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - size : -8]
    assert write_struct(read_struct(footer)) == footer


@pytest.mark.parametrize("content", [b"", b"\x15", b"\x18\x05ab", b"\x16\x80"])
def test_content_that_ends_too_early_is_refused(content: bytes) -> None:
    with pytest.raises(IndexError):
        read_struct(content)


@pytest.mark.parametrize("content", [b"\x1a\x00", b"\x19\x11\x00\x00"])
def test_kinds_that_no_footer_has_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"unknown kind 10|a list of truths"):
        read_struct(content)
