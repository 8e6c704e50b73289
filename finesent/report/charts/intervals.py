"""Estimates with their intervals, one below the other on one axis: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from finesent.report.charts.marks import Mark, marker
from finesent.report.charts.scale import Scale, around, tick_text, ticks
from finesent.report.charts.svg import chart, shortened, tag

_WIDTH, _ROW, _TOP, _BOTTOM, _SIDE = 360.0, 38.0, 4.0, 40.0, 12.0
# As many characters as fit beside the numbers on the right.
_LABEL = 34


@dataclass(frozen=True)
class IntervalRow:
    """One estimate, in the unit of the axis.

    Attributes:
        label: on the left.
        text: the numbers as written, on the right.
        value: the estimate.
        low: lower end of the interval.
        high: upper end.
        mark: how it is drawn.
        published: a published value to set beside it; None for none.
    """

    label: str
    text: str
    value: float
    low: float
    high: float
    mark: Mark
    published: float | None = None


def interval_chart(
    name: str, title: str, axis: str, rows: Sequence[IntervalRow], band: float | None = None
) -> Markup:
    """Draw the intervals around a line at 0.

    Args:
        name: unique on the page.
        title: what is drawn.
        axis: the axis's title, with the unit.
        rows: from top to bottom.
        band: half the width of a shaded band around 0; None for none.
    """
    values = [0.0, *(number for row in rows for number in (row.low, row.high, row.value))]
    values += [row.published for row in rows if row.published is not None]
    values += [] if band is None else [-band, band]
    x = Scale(*around(values), _SIDE, _WIDTH - _SIDE)
    floor = _TOP + _ROW * len(rows)
    parts = [
        *(part for tick in ticks(x.low, x.high, 6) for part in _tick(x(tick), tick, floor)),
        tag("line", x1=x(0), x2=x(0), y1=_TOP, y2=floor + 4, class_="zero"),
        tag("text", axis, x=_WIDTH / 2, y=floor + 34, class_="axis-title middle"),
        *(part for number, row in enumerate(rows) for part in _row(x, row, band, _TOP + _ROW * number)),
    ]
    description = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return chart(name, (_WIDTH, floor + _BOTTOM), title, f"{description}.", parts)


def _row(x: Scale, row: IntervalRow, band: float | None, top: float) -> list[Markup]:
    middle = top + 26.0
    parts = [
        *_band(x, band, middle),
        tag("text", shortened(row.label, _LABEL), x=0.0, y=top + 12, class_="label"),
        tag("text", row.text, x=_WIDTH, y=top + 12, class_="number end"),
        tag(
            "line", x1=x(row.low), x2=x(row.high), y1=middle, y2=middle, class_=f"interval c{row.mark.colour}"
        ),
    ]
    parts += [
        tag("line", x1=x(end), x2=x(end), y1=middle - 4, y2=middle + 4, class_=f"cap c{row.mark.colour}")
        for end in (row.low, row.high)
    ]
    if row.published is not None:
        place = x(row.published)
        parts.append(tag("path", d=f"M{place:.1f} {middle - 6:.1f}l6 6l-6 6l-6 -6Z", class_="published-mark"))
    return [*parts, marker(row.mark, x(row.value), middle, 4.4)]


def _band(x: Scale, band: float | None, middle: float) -> list[Markup]:
    if band is None:
        return []
    left, right = x(-band), x(band)
    return [tag("rect", x=left, y=middle - 10, width=right - left, height=20.0, class_="band")]


def _tick(place: float, value: float, floor: float) -> list[Markup]:
    return [
        tag("line", x1=place, x2=place, y1=_TOP, y2=floor, class_="grid"),
        tag("text", tick_text(value), x=place, y=floor + 17, class_="tick middle"),
    ]
