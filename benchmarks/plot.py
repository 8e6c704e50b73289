"""The plot of docs/performance.md: how many times faster ours is, a bar a peer, as an SVG of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchmarks.alternate import Range
from finesent.report.charts.svg import tag

_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 260, 380, 150, 30, 34
# Colours of text, bar and rule that can be told from a white page and from a dark one.
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1f24}.bar{fill:#3b6ea8}.rule{stroke:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6ea8e0}.rule{stroke:#9aa4af}}"
)


@dataclass(frozen=True)
class Bar:
    """One bar: the comparison, the peer, and how many times faster ours is."""

    line: str
    peer: str
    times: Range


def draw(bars: Sequence[Bar]) -> str:
    """Return an SVG of at least one bar, each from 0 to the median, with a line from lowest to highest."""
    longest = max(1.0, *(bar.times.high for bar in bars))
    height = _TOP + _ROW * len(bars) + 8

    def x(times: float) -> float:
        return _LEFT + _WIDTH * times / longest

    parts = [
        tag("title", "How many times faster finesent is"),
        tag("style", Markup(_STYLE)),
        tag("text", "1: equally fast", x=x(1), y=16, text_anchor="middle"),
        *(part for number, bar in enumerate(bars) for part in _bar(bar, _TOP + _ROW * number, x)),
        tag("line", class_="rule", x1=x(1), x2=x(1), y1=22, y2=height, stroke_dasharray="3 3"),
    ]
    size = _LEFT + _WIDTH + _RIGHT
    view = f"0 0 {size} {height}"
    return (
        str(tag("svg", parts, xmlns="http://www.w3.org/2000/svg", viewBox=view, width=size, role="img"))
        + "\n"
    )


def _bar(bar: Bar, top: int, x: Callable[[float], float]) -> list[Markup]:
    times, middle = bar.times, top + _ROW / 2 - 4
    said = f"{times.median:.2f} [{times.low:.2f}, {times.high:.2f}]"
    return [
        tag("text", f"{bar.line}: {bar.peer}", x=_LEFT - 8, y=middle + 4, text_anchor="end"),
        tag("rect", class_="bar", x=_LEFT, y=top, width=x(times.median) - _LEFT, height=_ROW - 8),
        tag("line", class_="rule", x1=x(times.low), x2=x(times.high), y1=middle, y2=middle, stroke_width=2),
        tag("text", said, x=x(times.high) + 8, y=middle + 4),
    ]
