"""From values to places on a chart, and the round numbers at its axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Steps that people count in.
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A linear map from ``low``..``high`` to ``start``..``end``; ``high`` is above ``low``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def around(values: list[float], padding: float = 0.06) -> tuple[float, float]:
    """Return the range of all finite values, widened by a share of it at both ends.

    A single value, or none, gets a range of one around it, or around 0.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    if high - low < 1e-12:
        return low - 0.5, high + 0.5
    margin = padding * (high - low)
    return low - margin, high + margin


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return the multiples of 1, 2 or 5 times 10^k in a range, at most ``most`` + 1 of them."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in _STEPS if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_text(value: float) -> str:
    """Write a tick as short as it goes, with a true minus sign."""
    return f"{round(value, 6) + 0.0:g}".replace("-", "−")
