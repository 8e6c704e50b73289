"""Cross-entropy against targets that fall with the distance from the label."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from finesent.training.losses.base import LogitLoss, LossInputs, LossParams


class SoftOrdinalParams(LossParams):
    """Parameters of :class:`SoftOrdinal`.

    Attributes:
        sharpness: how fast the target falls with the distance; large values give the label alone.
    """

    sharpness: Annotated[float, Field(gt=0)] = 2.0


class SoftOrdinal(LogitLoss):
    """Mean of ``-Σ_c q_c log softmax(logits)_c`` with q the softmax over c of ``-sharpness |c - label|``.

    Díaz and Marathe (2019, "Soft labels for ordinal regression", CVPR), with the absolute distance of
    class numbers.
    """

    Params = SoftOrdinalParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, SoftOrdinalParams)
        self._sharpness = params.sharpness

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, in nats."""
        classes = torch.arange(inputs.logits.shape[1], device=inputs.logits.device)
        distance = (inputs.labels[:, None] - classes).abs().to(inputs.logits)
        target = torch.softmax(-self._sharpness * distance, dim=1)
        return -(target * functional.log_softmax(inputs.logits, dim=1)).sum(dim=1).mean()
