"""R-Drop: two forward passes of the same rows shall agree."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from finesent.training.losses.base import Loss, LossInputs, LossParams, Need


class RDrop(Loss):
    """Mean of ``(KL(P1 || P2) + KL(P2 || P1)) / 2``, in nats, of two passes under different dropout masks.

    Liang et al. (2021, arXiv 2106.14448). They sum the cross-entropies of both passes, and weigh this term
    by alpha; here ``cross-entropy`` reads the first pass alone, so that their alpha is twice this loss's
    weight beside a cross-entropy of weight 1. Their published code sums over the batch; this is the mean.
    """

    reaches_head: ClassVar[bool] = True

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        self.needs = frozenset({Need.SECOND_VIEW})

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        assert inputs.second is not None
        one = functional.log_softmax(inputs.logits, dim=1)
        two = functional.log_softmax(inputs.second.logits, dim=1)
        # KL(P1 || P2) + KL(P2 || P1) = Σ (p1 - p2) (log p1 - log p2).
        return ((one.exp() - two.exp()) * (one - two)).sum(dim=1).mean() / 2
