"""Numbers as the page writes them: points with two decimals, a true minus sign, and a dash for nothing.

Shares are shown in percent points, mean absolute error in classes and kappa as it is. A number that is
missing or not finite is shown as a dash, never as a word of Python's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from finesent.evaluation import markdown
from finesent.evaluation.markdown import NOTHING, SHARES
from finesent.evaluation.results import METRICS, Gain
from finesent.evaluation.spreads import Spread

# Titles of what the results hold beside the metrics that are tested.
_FURTHER = {"within_1": "within one class", "ece": "calibration error"}
_UNITS = {"mae": "classes", "quadratic_kappa": ""}
_MINUTE, _HOUR = 60, 3600
_KIBI = 1024


def title_of(metric: str) -> str:
    """Return a metric's name in words."""
    return METRICS[metric][0] if metric in METRICS else _FURTHER[metric]


def unit_of(metric: str) -> str:
    """Return the unit in which :func:`amount` gives a metric; empty for kappa, which has none."""
    return "points" if metric in SHARES else _UNITS[metric]


def scaled(metric: str, value: float) -> float:
    """Return the number that is shown for a metric's value: shares times 100."""
    return 100 * value if metric in SHARES else value


def amount(metric: str, value: float | None) -> str:
    """Show one value of a metric, without its unit."""
    return NOTHING if value is None or not math.isfinite(value) else _minus(markdown.number(metric, value))


def signed(metric: str, value: float | None) -> str:
    """Show a gain in a metric, always with a sign."""
    return NOTHING if value is None or not math.isfinite(value) else _minus(markdown.signed(metric, value))


def spread(metric: str, found: Spread | None) -> str:
    """Show mean ± standard deviation, or the mean alone where there is one seed."""
    return NOTHING if found is None else _minus(markdown.spread(metric, found))


def gain(metric: str, found: Gain | None) -> str:
    """Show a gain with its interval in brackets."""
    return NOTHING if found is None else _minus(markdown.interval(metric, found))


def decimal(value: float | None, decimals: int) -> str:
    """Show a number with a fixed number of decimals; zero never carries a minus."""
    if value is None or not math.isfinite(value):
        return NOTHING
    # Adding zero turns a rounded -0.0 into 0.0.
    return _minus(f"{round(value, decimals) + 0.0:,.{decimals}f}")


def percent(share: float | None, decimals: int = 1) -> str:
    """Show a share as a percentage with its sign."""
    return NOTHING if share is None else f"{decimal(100 * share, decimals)} %"


def p_value(value: float | None) -> str:
    """Show a p-value as the Markdown tables do."""
    return NOTHING if value is None else markdown.p_value(value)


def count(value: int | None) -> str:
    """Show a whole number with its thousands set apart."""
    return NOTHING if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    """Show a time in the two largest units that it has."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def memory(size: int | None) -> str:
    """Show a number of bytes in MiB or GiB."""
    if size is None:
        return NOTHING
    mebi = size / _KIBI**2
    return f"{mebi:,.0f} MiB" if mebi < _KIBI else f"{mebi / _KIBI:,.1f} GiB"


def listed(names: Sequence[object]) -> str:
    """Join names as in prose: ``a, b and c``."""
    words = [str(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{count(number)} {one if number == 1 else many}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
