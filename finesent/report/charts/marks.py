"""How each ablation is drawn: by colour, dash and marker together, so that colour is never the only cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from finesent.report.charts.svg import tag

# The style sheet has this many of each. They share no divisor, so that 8 * 5 * 7 ablations differ.
COLOURS, DASHES, MARKERS = 8, 5, 7


@dataclass(frozen=True)
class Mark:
    """Numbers of a colour, a dash and a marker; ``css`` is the class that sets the first two."""

    colour: int
    dash: int
    marker: int

    @property
    def css(self) -> str:
        """Classes of the style sheet."""
        return f"c{self.colour} d{self.dash}"


def marks_of(names: Sequence[str], baseline: str) -> dict[str, Mark]:
    """Give every ablation its mark; the baseline always has the first, a solid neutral line."""
    ordered = [baseline, *(name for name in names if name != baseline)]
    marks = {
        name: Mark(number % COLOURS, number % DASHES, number % MARKERS) for number, name in enumerate(ordered)
    }
    return {name: marks[name] for name in names}


def marker(mark: Mark, x: float, y: float, size: float = 3.6) -> Markup:
    """Draw a mark's marker, about ``2 * size`` wide, around a point."""
    if mark.marker == 0:
        return tag("circle", cx=x, cy=y, r=size, class_=f"dot c{mark.colour}")
    outline = "L".join(f"{x + size * dx:.1f} {y + size * dy:.1f}" for dx, dy in _OUTLINES[mark.marker - 1])
    return tag("path", d=f"M{outline}Z", class_=f"dot c{mark.colour}")


def swatch(mark: Mark) -> Markup:
    """Draw a short piece of the ablation's line with its marker, for a legend; it is decoration there."""
    return tag(
        "svg",
        [tag("path", d="M1 6L35 6", class_=f"line {mark.css}"), marker(mark, 18.0, 6.0)],
        class_="swatch",
        viewBox="0 0 36 12",
        aria_hidden="true",
    )


_OUTLINES: tuple[tuple[tuple[float, float], ...], ...] = (
    ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
    ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    ((0, 1.2), (1.15, -0.9), (-1.15, -0.9)),
    ((-1.3, -0.45), (1.3, -0.45), (1.3, 0.45), (-1.3, 0.45)),
    ((-0.45, -1.3), (0.45, -1.3), (0.45, 1.3), (-0.45, 1.3)),
)
