"""Thrift's compact protocol, in which a Parquet file says what stands where.

Values are read as they come and written back the same way, without a schema
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST = range(1, 10)
STRUCT = 12
_WHOLE = (I16, I32, I64)
# Numbers of fields, and of items, up to which one half of a byte holds them.
_SHORT, _LONG = 15, 0xF0


@dataclass
class Listed:
    """A list.

    Attributes:
        kind: of its items.
        items: all of that kind.
    """

    kind: int
    items: list[Any]


# What fields hold, by their numbers, ascending: kind and value. Of truths the kind is the value.
Struct = dict[int, tuple[int, Any]]


def read_struct(content: bytes) -> Struct:
    """Return what a struct holds.

    Raises:
        ValueError: there is a kind of value that this does not know.
        IndexError: the content ends too early.
    """
    return _Reader(content).value(STRUCT)  # type: ignore[no-any-return]


def write_struct(struct: Struct) -> bytes:
    """Return the bytes of a struct."""
    output = bytearray()
    _write(output, STRUCT, struct)
    return bytes(output)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):
            return None
        if kind in _WHOLE:
            number = self._number()
            return number >> 1 ^ -(number & 1)
        if kind == BYTE:
            return self._taken(1)
        if kind == DOUBLE:
            return self._taken(8)
        if kind == BINARY:
            return self._taken(self._number())
        if kind == LIST:
            return self._list()
        if kind == STRUCT:
            return self._struct()
        raise ValueError(f"a value of the unknown kind {kind}")

    def _struct(self) -> Struct:
        found: Struct = {}
        number = 0
        while header := self._taken(1)[0]:
            kind = header & 15
            number = number + (header >> 4) if header >> 4 else self.value(I16)
            found[number] = (kind, self.value(kind))
        return found

    def _list(self) -> Listed:
        header = self._taken(1)[0]
        kind, count = header & 15, header >> 4
        if kind in (TRUE, FALSE):
            raise ValueError("a list of truths")
        count = self._number() if count == _SHORT else count
        return Listed(kind, [self.value(kind) for _ in range(count)])

    def _number(self) -> int:
        found = shift = 0
        while True:
            part = self._taken(1)[0]
            found |= (part & 127) << shift
            shift += 7
            if part < 128:
                return found

    def _taken(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._content):
            raise IndexError(f"{len(self._content)} bytes, and byte {self._at} was to be read")
        return self._content[self._at - count : self._at]


def _write(output: bytearray, kind: int, value: Any) -> None:
    if kind in (TRUE, FALSE):
        return
    if kind in _WHOLE:
        _write_number(output, 2 * value if value >= 0 else -2 * value - 1)
    elif kind == BINARY:
        _write_number(output, len(value))
        output += value
    elif kind == LIST:
        short = len(value.items) < _SHORT
        output.append((len(value.items) << 4 if short else _LONG) | value.kind)
        if not short:
            _write_number(output, len(value.items))
        for item in value.items:
            _write(output, value.kind, item)
    elif kind == STRUCT:
        before = 0
        for number, (inner, content) in value.items():
            if 0 < number - before <= _SHORT:
                output.append((number - before) << 4 | inner)
            else:
                output.append(inner)
                _write(output, I16, number)
            _write(output, inner, content)
            before = number
        output.append(0)
    else:
        output += value


def _write_number(output: bytearray, number: int) -> None:
    while number > 127:
        output.append(number & 127 | 128)
        number >>= 7
    output.append(number)
