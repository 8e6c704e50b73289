"""Tables of the page: what stands in them, apart from how they look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

# A shade is one of so many classes in the style sheet, because the page's policy forbids style attributes.
HEAT_STEPS = 10


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says; ``Markup`` is taken as HTML, any other string is escaped.
        heat: shade from 0 to HEAT_STEPS; None for no shade.
    """

    text: str
    heat: int | None = None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: at its head.
        unit: below the title, in smaller type.
        words: it holds words, which are set to the left, and may run over several lines.
        group: a title over all neighbouring columns of the same group.
    """

    title: str
    unit: str = ""
    words: bool = False
    group: str = ""


@dataclass(frozen=True)
class RowGroup:
    """Rows that belong together, below a heading of their own if ``title`` is given."""

    rows: list[list[Cell]]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is the row's header.

    Attributes:
        caption: says what it shows; unique on the page.
    """

    caption: str
    columns: list[Column]
    groups: list[RowGroup]

    @property
    def spans(self) -> list[tuple[str, int]]:
        """Titles over groups of columns, each with how many columns it spans; empty without any."""
        runs = [(title, len(list(run))) for title, run in groupby(self.columns, lambda column: column.group)]
        return runs if any(title for title, _ in runs) else []


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]]) -> Table:
    """Build a table of one group of rows; plain strings become cells."""
    return Table(caption, list(columns), [row_group(rows)])


def row_group(rows: Iterable[Sequence[str | Cell]], title: str = "") -> RowGroup:
    """Build a group of rows; plain strings become cells."""
    return RowGroup(
        [[entry if isinstance(entry, Cell) else Cell(entry) for entry in row] for row in rows], title
    )


def heat(share: float) -> int | None:
    """Return the shade of a share from 0 to 1; None where it is no number."""
    return round(HEAT_STEPS * min(1.0, max(0.0, share))) if math.isfinite(share) else None
