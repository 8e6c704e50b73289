"""Correction for testing many things at once."""

from __future__ import annotations

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values (1979, Scandinavian Journal of Statistics 6(2)), in their order.

    Below a level they are exactly where the family-wise error stays under that level.
    """
    if not p_values:
        return []
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
