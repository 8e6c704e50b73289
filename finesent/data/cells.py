"""Cells of tables as published, and the columns that they stand in: as texts and as labels."""

from __future__ import annotations

import re
from collections.abc import Iterable

from finesent.data.raw_file import RawFile
from finesent.errors import FinesentError

_SURROGATE = re.compile("[\ud800-\udfff]")
# Between two columns that make a text together.
JOINT = ": "


def column_number(file: RawFile, names: list[str], wanted: str) -> int:
    """Return where a column stands among ``names``.

    Raises:
        FinesentError: it does not.
    """
    if wanted not in names:
        raise missing_column(file, wanted, names)
    return names.index(wanted)


def missing_column(file: RawFile, wanted: str, names: list[str], row: int | None = None) -> FinesentError:
    """Return the error that there is no such column, or none in this row."""
    problem = f"there is no column {wanted!r}; it has {', '.join(map(repr, names))}"
    return file.error(
        problem, row, "name its columns in the catalog entry: `text:` and `label:` of the layout"
    )


def joined(texts: Iterable[str]) -> str:
    """Join the columns that make a text, without those that are empty."""
    return JOINT.join(text for text in texts if text)


def plain_text(value: object, column: str, file: RawFile, row: int) -> str:
    """Return a cell as text, empty for null and NaN.

    Raises:
        FinesentError: it is no text at all.
    """
    if value is None or value != value:
        return ""
    text = str(value)
    # JSON can spell half of a surrogate pair, which no UTF-8 file can hold.
    if isinstance(value, (list, dict, bytes)) or _SURROGATE.search(text):
        raise file.error(f"column {column}: no text but {value!r}", row)
    return text


def label_text(value: object) -> str:
    """Return a label as the catalog would write it; a column with gaps turns 3 into 3.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
