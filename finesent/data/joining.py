"""One Parquet file out of several that were made side by side.

A Parquet file is row groups and, behind them, a footer that says where in the file each column of each begins
(https://github.com/apache/parquet-format). Row groups of files of one schema can stand in a file of their own
without being read; only the footer is made anew.
"""

from __future__ import annotations

from typing import BinaryIO

from finesent.data.compact import I16, Listed, Struct, read_struct, write_struct

_MAGIC = b"PAR1"
# The length of the footer, and the magic number.
_END = 8
# Fields of the footer, of a row group, of a column in it, and of what is said of that.
_ROWS, _GROUPS = 3, 4
_COLUMNS, _ORDINAL = 1, 7
_META = 3
_PLACES_OF_GROUP, _PLACES_OF_COLUMN, _PLACES_OF_META = (5,), (2, 4, 6), (9, 10, 11, 14)


class JoinedParquet:
    """A Parquet file that others are put into, in the order given.

    Args:
        file: open for writing, at its beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._footer: Struct | None = None
        self._at = file.write(_MAGIC)

    def add(self, part: memoryview) -> None:
        """Put the row groups of a Parquet file, without indexes, behind those that are there."""
        size = int.from_bytes(part[-_END : -len(_MAGIC)], "little")
        footer = read_struct(bytes(part[-_END - size : -_END]))
        groups: list[Struct] = footer[_GROUPS][1].items
        known = [] if self._footer is None else self._footer[_GROUPS][1].items
        for number, group in enumerate(groups, len(known)):
            self._move(group, number, self._at - len(_MAGIC))
        self._at += self._file.write(part[len(_MAGIC) : -_END - size])
        if self._footer is None:
            self._footer = footer
            return
        kind, rows = self._footer[_ROWS]
        self._footer[_ROWS] = kind, rows + footer[_ROWS][1]
        known += groups

    def close(self) -> None:
        """Write the footer; at least one file was added."""
        assert self._footer is not None
        footer = write_struct(self._footer)
        self._file.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)

    @staticmethod
    def _move(group: Struct, number: int, by: int) -> None:
        _add(group, _PLACES_OF_GROUP, by)
        if _ORDINAL in group:
            group[_ORDINAL] = I16, number
        columns: Listed = group[_COLUMNS][1]
        for column in columns.items:
            _add(column, _PLACES_OF_COLUMN, by)
            _add(column[_META][1], _PLACES_OF_META, by)


def _add(struct: Struct, places: tuple[int, ...], by: int) -> None:
    for place in places:
        kind, value = struct.get(place, (0, 0))
        # Some writers say 0 where they have nothing to say.
        if value:
            struct[place] = kind, value + by
