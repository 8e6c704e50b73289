"""Laying out Markdown, and numbers as the tables print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finesent.evaluation.results import Gain
from finesent.evaluation.spreads import Spread

NOTHING = "–"

# Metrics that are shares, printed in percent points; the others keep their own unit.
SHARES = ("accuracy", "macro_f1", "within_1", "ece")


def table(rows: list[dict[str, str]], left: Sequence[str]) -> str:
    """Lay out rows that share their keys as a Markdown table; the columns in ``left`` hold words."""
    if not rows:
        return ""
    titles = list(rows[0])
    widths = [max(len(title), 3, *(len(row[title]) for row in rows)) for title in titles]
    lines = [titles, *([row[title] for title in titles] for row in rows)]
    words = [title in left for title in titles]
    columns = list(zip(widths, words, strict=True))
    padded = [
        [
            cell.ljust(width) if word else cell.rjust(width)
            for cell, (width, word) in zip(line, columns, strict=True)
        ]
        for line in lines
    ]
    ruler = ["-" * width if word else "-" * (width - 1) + ":" for width, word in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], ruler, *padded[1:]])


def bullets(lines: Iterable[str]) -> str:
    """A list with a line an entry."""
    return "\n".join(f"- {line}" for line in lines)


def number(metric: str, value: float) -> str:
    """A metric's value: percent points with two decimals, or three decimals of its own unit."""
    return f"{100 * value:.2f}" if metric in SHARES else f"{value:.3f}"


def signed(metric: str, value: float) -> str:
    """A difference of a metric, with its sign."""
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(100 * value, 2) + 0.0:+.2f}" if metric in SHARES else f"{round(value, 3) + 0.0:+.3f}"


def spread(metric: str, values: Spread) -> str:
    """Mean and standard deviation over seeds."""
    mean = number(metric, values.mean)
    return mean if values.sd is None else f"{mean} ± {number(metric, values.sd)}"


def interval(metric: str, gain: Gain) -> str:
    """A gain with the ends of its interval."""
    ends = f"{signed(metric, gain.low)}, {signed(metric, gain.high)}"
    return f"{signed(metric, gain.value)} [{ends}]"


def p_value(p: float) -> str:
    """A p-value with three decimals, as a bound where that would print zero."""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
