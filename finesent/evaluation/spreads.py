"""Mean and standard deviation of every metric over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from finesent.evaluation.metrics import Scores
from finesent.validation import Block

_DECIMALS = 6


class Spread(Block):
    """Mean and sample standard deviation over seeds; ``sd`` is null with one seed."""

    mean: float
    sd: float | None


def rounded(value: float | np.floating[Any]) -> float:
    """Round to the six decimals that are written; minus zero becomes zero."""
    return round(float(value), _DECIMALS) + 0.0


def spreads(scores: Sequence[Scores]) -> dict[str, Spread]:
    """Return, by metric, mean and sample standard deviation (divisor S - 1) of S seeds, rounded."""
    rows = [asdict(values) for values in scores]
    return {name: _spread([row[name] for row in rows]) for name in rows[0]}


def _spread(values: list[float]) -> Spread:
    sd = rounded(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=rounded(np.mean(values)), sd=sd)
