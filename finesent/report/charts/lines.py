"""Curves on two axes: training curves, reliability diagrams, ROC and precision-recall curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from finesent.report.charts.marks import Mark, marker
from finesent.report.charts.scale import Scale, around, tick_text, ticks
from finesent.report.charts.simplify import simplified
from finesent.report.charts.svg import chart, path, tag
from finesent.report.content import Curve

_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 12.0, 24.0, 40.0
# In pixels of the drawing: less than half a line's width cannot be seen.
_TOLERANCE = 0.35
_MOST_MARKERS = 8


@dataclass(frozen=True)
class Series:
    """What is drawn of one ablation.

    Attributes:
        label: its name.
        mark: how it is drawn.
        curve: the thick line.
        single: thin lines behind it, one a seed.
    """

    label: str
    mark: Mark
    curve: Curve
    single: list[Curve] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """The axes of a chart.

    Attributes:
        x_title: below.
        y_title: above the left axis.
        size: width and height of the whole chart.
        unit_square: both axes run from 0 to 1.
        diagonal: draw the line from the lower left to the upper right.
    """

    x_title: str
    y_title: str
    size: tuple[float, float] = (360.0, 240.0)
    unit_square: bool = False
    diagonal: bool = False


def line_chart(name: str, title: str, description: str, frame: Frame, series: Sequence[Series]) -> Markup:
    """Draw curves; points that are not finite interrupt a line.

    Args:
        name: unique on the page.
        title: what is drawn.
        description: what is to be seen, in words.
        frame: the axes.
        series: later ones lie on top.
    """
    x, y = _scales(frame, series)
    parts = [*_axes(frame, x, y)]
    if frame.diagonal:
        parts.append(tag("path", d=path([(x(0), y(0)), (x(1), y(1))]), class_="diagonal"))
    for one in series:
        parts += [
            tag("path", d=data, class_=f"thin {one.mark.css}")
            for curve in one.single
            if (data := _path(curve, x, y))
        ]
    for one in series:
        parts += _thick(one, x, y)
    return chart(name, frame.size, title, description, parts)


def _scales(frame: Frame, series: Sequence[Series]) -> tuple[Scale, Scale]:
    width, height = frame.size
    curves = [curve for one in series for curve in (one.curve, *one.single)]
    if frame.unit_square:
        x_range = y_range = (0.0, 1.0)
    else:
        xs = [value for curve in curves for value in curve.x]
        x_range = (min(xs), max(xs)) if xs and min(xs) < max(xs) else around(xs)
        y_range = around([value for curve in curves for value in curve.y])
    return Scale(*x_range, _LEFT, width - _RIGHT), Scale(*y_range, height - _BOTTOM, _TOP)


def _axes(frame: Frame, x: Scale, y: Scale) -> list[Markup]:
    parts = []
    for value in ticks(y.low, y.high, 5):
        parts += [
            tag("line", x1=x.start, x2=x.end, y1=y(value), y2=y(value), class_="grid"),
            tag("text", tick_text(value), x=x.start - 6, y=y(value) + 3.5, class_="tick end"),
        ]
    parts += [
        tag("text", tick_text(value), x=x(value), y=y.start + 16, class_="tick middle")
        for value in ticks(x.low, x.high, 5)
    ]
    return [
        *parts,
        tag("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"),
        tag("text", frame.y_title, x=0.0, y=12.0, class_="axis-title"),
        tag("text", frame.x_title, x=(x.start + x.end) / 2, y=y.start + 33, class_="axis-title middle"),
    ]


def _thick(one: Series, x: Scale, y: Scale) -> list[Markup]:
    data = _path(one.curve, x, y)
    if not data:
        return []
    return [
        tag("path", d=data, class_=f"line {one.mark.css}"),
        *(marker(one.mark, *place) for place in _places(one.curve, x, y)),
    ]


def _places(curve: Curve, x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Where markers stand: at every point of a short curve, at evenly spaced ones of a long one."""
    finite = [(x(a), y(b)) for a, b in zip(curve.x, curve.y, strict=True) if math.isfinite(a + b)]
    if len(finite) <= _MOST_MARKERS:
        return finite
    gap = (len(finite) - 1) / (_MOST_MARKERS - 1)
    return [finite[round(gap * number)] for number in range(_MOST_MARKERS)]


def _path(curve: Curve, x: Scale, y: Scale) -> str:
    pieces: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(curve.x, curve.y, strict=True):
        if math.isfinite(a + b):
            pieces[-1].append((x(a), y(b)))
        elif pieces[-1]:
            pieces.append([])
    return "".join(path(simplified(piece, _TOLERANCE)) for piece in pieces)
