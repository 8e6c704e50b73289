"""Anchors that a batch leaves without a partner: refused where it is certain, else counted."""

from __future__ import annotations

import numpy as np
import torch

from finesent.errors import FinesentError
from finesent.training.losses.base import TrainingData


class Partners:
    """The mean over the anchors that have a partner, and a count of the others.

    Such an anchor has no value: the formulas divide by the number of its partners.
    """

    def __init__(self) -> None:
        self._total = 0
        self._missing: torch.Tensor | None = None

    def mean(self, values: torch.Tensor, paired: torch.Tensor) -> torch.Tensor:
        """Return the mean of the (A,) ``values`` that are ``paired`` (A,); 0 if none is."""
        missing = (~paired).sum()
        # On the device, because looking at it would wait for every step.
        self._missing = missing if self._missing is None else self._missing + missing
        self._total += len(values)
        return values.masked_fill(~paired, 0.0).sum() / paired.sum().clamp_min(1)

    def remark(self, what: str) -> str | None:
        """Return how many anchors had no ``what`` since the last call, or None if all had one."""
        missing = 0 if self._missing is None else int(self._missing)
        total, self._total, self._missing = self._total, 0, None
        if not missing:
            return None
        return f"{missing / total:.1%} of {total} anchors had no {what} in their batch and were passed over"


def require_two_of_each_class(data: TrainingData, place: str, remedy: str) -> None:
    """Refuse a class that has one training row: no batch can give it a partner.

    Raises:
        FinesentError: there is such a class.
    """
    single = np.flatnonzero(data.counts == 1)
    if len(single):
        raise FinesentError(
            place, f"class {single[0]} has one training row, which has no positive but itself", remedy
        )
