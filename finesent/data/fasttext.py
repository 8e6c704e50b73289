"""Reading files of lines ``__label__<class> <text>``, piece by piece, each in whichever process has the time.

What a line holds is found on the bytes of the whole piece: of millions of lines no more is looked at by
itself than those that are unlike the rest.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from finesent.data.pieces import batch_of, numbered, strings
from finesent.data.raw_file import RawFile

# Bytes of a piece: some ten thousand reviews.
_PIECE = 1 << 22
# Arrow counts the bytes of a column's texts in 31 bits.
_LONGEST = 1 << 30
_LINE = re.compile(r"__label__(\S+?)(?:[ \t](.*))?", re.DOTALL)
_LINE_FEED, _RETURN = b"\n\r"


@dataclass(frozen=True)
class FastTextPiece:
    """Some lines of a file that are yet to be read.

    Attributes:
        file: that holds them.
        start: of the first, in bytes.
        size: in bytes.
        row: the number of the first line in the file, counted from 1.
        split: that the file belongs to.
        number: of the first line among all rows of the split, counted from 1.
        rows: how many lines there are.
    """

    file: RawFile
    start: int
    size: int
    row: int
    split: str
    number: int
    rows: int

    def read(self) -> pa.RecordBatch:
        """Return the rows with ``id``, ``text`` and ``label``.

        Raises:
            FinesentError: the bytes are not UTF-8, a line is broken, or its label is not in the catalog.
        """
        with self.file.path.open("rb") as content:
            content.seek(self.start)
            lines = content.read(self.size)
        self._require_utf8(lines)
        letters = np.frombuffer(lines, dtype=np.uint8)
        starts, ends = _edges(letters)
        labels, texts = self._split_off_labels(lines, letters, starts, ends)
        # The file as what stands before a text, that text, what stands before the next, and so on.
        edges = np.zeros(2 * len(texts) + 1, dtype=np.int64)
        edges[1::2], edges[2::2] = texts, ends
        parts = strings(letters, edges)
        ids = numbered(self.split, self.number, len(labels))
        return batch_of(ids, parts.take(pa.array(np.arange(1, len(parts), 2))), labels)

    def _require_utf8(self, lines: bytes) -> None:
        try:
            # This looks at the bytes alone, where decoding would also make a string of them.
            edges = pa.py_buffer(np.array([0, len(lines)], dtype=np.int32))
            pa.Array.from_buffers(pa.binary(), 1, [None, edges, pa.py_buffer(lines)]).cast(pa.string())
        except pa.ArrowInvalid:
            try:
                lines.decode("utf-8")
            except UnicodeDecodeError as error:
                raise self.file.not_utf8(self.start + error.start) from error

    def _split_off_labels(
        self, lines: bytes, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (N,) int64 labels and where the texts begin, of lines from ``starts`` to ``ends``."""
        allowed = self.file.label_values()
        labels = np.full(len(starts), -1, dtype=np.int64)
        texts = starts.copy()
        for separator in " \t":
            for value, label in allowed.items():
                begins = f"__label__{value}{separator}".encode()
                rest = np.flatnonzero((labels < 0) & (ends - starts >= len(begins)))
                if not len(rest):
                    continue
                # So many bytes of each line as one string. Numpy takes zeros off its end; none ends in one.
                heads = sliding_window_view(letters, len(begins))[starts[rest]].view(f"S{len(begins)}")[:, 0]
                fits = heads == begins
                labels[rest[fits]] = label
                texts[rest[fits]] += len(begins)
        for place in np.flatnonzero(labels < 0).tolist():
            line = lines[starts[place] : ends[place]].decode("utf-8")
            match = _LINE.fullmatch(line)
            if match is None:
                problem = "a broken line: expected __label__<class>, a tab or space, and text"
                raise self.file.error(f"{problem}, found {line[:60]!r}", self.row + place)
            if match[1] not in allowed:
                raise self.file.unknown_label(match[1], self.row + place)
            labels[place] = allowed[match[1]]
            texts[place] = ends[place] - len((match[2] or "").encode("utf-8"))
        return labels, texts


def fasttext_pieces(file: RawFile, split: str, number: int) -> Iterator[FastTextPiece]:
    """Yield a file in pieces of whole lines, at least one.

    Args:
        file: to be read.
        split: that it belongs to.
        number: of its first row among those of the split, counted from 1.

    Raises:
        FinesentError: there is nothing but white space, or a line is longer than 1 GiB.
    """
    with file.path.open("rb") as content:
        start = len(codecs.BOM_UTF8) if content.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
        end = _end_of_rows(content, file, start)
        row = 1
        # One for all pieces: to map a new one for each takes longer than to read it.
        lines = bytearray(_PIECE)
        while start < end:
            size = _read(content, start, min(_PIECE, end - start), lines)
            while start + size < end and lines.find(b"\n", 0, size) < 0:
                if size >= _LONGEST:
                    raise file.error("the line is longer than 1 GiB", row)
                size = _read(content, start, min(2 * size, end - start), lines)
            if start + size < end:
                size = lines.rindex(b"\n", 0, size) + 1
            ends = np.frombuffer(lines, dtype=np.uint8, count=size) == _LINE_FEED
            rows = int(np.count_nonzero(ends)) + int(not ends[-1])
            yield FastTextPiece(file, start, size, row, split, number + row - 1, rows)
            start += size
            row += rows


def _read(content: BufferedReader, start: int, size: int, target: bytearray) -> int:
    """Read ``size`` bytes into ``target``, which grows where it is too small; return how many there were."""
    target.extend(bytes(max(0, size - len(target))))
    content.seek(start)
    with memoryview(target) as view:
        return content.readinto(view[:size])


def _edges(letters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) where each line begins and where it ends, without what ends it.

    Only line feeds end a line, for other separators occur in texts.
    """
    ends = np.flatnonzero(letters == _LINE_FEED)
    starts = np.concatenate([[0], ends + 1])
    if starts[-1] == len(letters):
        starts = starts[:-1]
    else:
        ends = np.append(ends, len(letters))
    returned = (ends > starts) & (letters[ends - 1] == _RETURN)
    return starts, ends - returned


def _end_of_rows(content: BinaryIO, file: RawFile, start: int) -> int:
    """Return where the last line ends that is not blank: blank lines at the end of a file are no rows."""
    last = _end_without(content, start, b"\r\n")
    if _end_without(content, start, b" \t\r\n\x0b\x0c") == start:
        raise file.error("the file is empty")
    content.seek(last)
    while chunk := content.read(_PIECE):
        if (found := chunk.find(b"\n")) >= 0:
            return last + found + 1
        last += len(chunk)
    return last


def _end_without(content: BinaryIO, start: int, letters: bytes) -> int:
    """Return where the file would end, from ``start`` on, if none of these letters stood at its end."""
    end = content.seek(0, os.SEEK_END)
    while end > start:
        size = min(_PIECE, end - start)
        content.seek(end - size)
        kept = len(content.read(size).rstrip(letters))
        if kept:
            return end - size + kept
        end -= size
    return start
