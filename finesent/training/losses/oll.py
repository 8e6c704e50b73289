"""The ordinal log loss."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from finesent.training.losses.base import LogitLoss, LossInputs, LossParams


class OrdinalLogLossParams(LossParams):
    """Parameters of :class:`OrdinalLogLoss`.

    Attributes:
        alpha: power of the distance between classes; larger ones punish distant mistakes more.
    """

    alpha: Annotated[float, Field(gt=0)] = 1.5


class OrdinalLogLoss(LogitLoss):
    """Mean of ``-Σ_c |c - label|^alpha log(1 - p_c)``, p the softmax of the logits.

    Castagnos, Mihelich and Dognin (2022, "A simple log-based loss function for ordinal text classification",
    COLING), with the distance of neighbouring classes 1.
    """

    Params = OrdinalLogLossParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, OrdinalLogLossParams)
        self._alpha = params.alpha

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        logits = inputs.logits
        classes = torch.arange(logits.shape[1], device=logits.device)
        distance = (inputs.labels[:, None] - classes).abs().to(logits) ** self._alpha
        # log(1 - p) as the log of the other classes' sum: it stays finite where p rounds to 1.
        itself = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
        others = logits[:, None, :].masked_fill(itself, -torch.inf).logsumexp(dim=2)
        log_not = others - logits.logsumexp(dim=1, keepdim=True)
        return -(distance * log_not).sum(dim=1).mean()
