"""The focal loss."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from finesent.training.losses.base import LossInputs, LossParams
from finesent.training.losses.class_weights import WeightedLoss, WeightedParams

# Below a power of 1 the slope at p = 1 is infinite; a probability this near to 1 has no slope instead.
_FLOOR = 1e-12


class FocalParams(WeightedParams):
    """Parameters of :class:`Focal`.

    Attributes:
        gamma: how strongly rows that are already classified well are discounted; 0 gives cross-entropy.
    """

    gamma: Annotated[float, Field(ge=0)] = 2.0


class Focal(WeightedLoss):
    """Mean of ``-w[label] (1 - p)^gamma log p`` with p the probability of the label.

    Lin, Goyal, Girshick, He and Dollár (2017, arXiv 1708.02002), equations 4 and 5, with a softmax for their
    sigmoid; the class weights are their alpha.
    """

    Params = FocalParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, FocalParams)
        self._gamma = params.gamma

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        log_p = -functional.cross_entropy(inputs.logits, inputs.labels, reduction="none")
        discount = (-torch.expm1(log_p)).clamp_min(_FLOOR) ** self._gamma
        return self.weighted_mean(-discount * log_p, inputs.labels)
