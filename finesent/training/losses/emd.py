"""The squared earth mover's distance."""

from __future__ import annotations

import torch

from finesent.training.losses.base import LogitLoss, LossInputs


class Emd(LogitLoss):
    """Mean of ``Σ_k (P(y <= k) - [label <= k])²``: probability counts by how far it lies from the label.

    Hou, Yu and Samaras (2016, arXiv 1611.05916), for classes in order, on the softmax of the logits.
    """

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        cumulative = torch.softmax(inputs.logits, dim=1).cumsum(dim=1)
        classes = torch.arange(inputs.logits.shape[1], device=inputs.logits.device)
        target = (inputs.labels[:, None] <= classes).to(cumulative)
        return (cumulative - target).square().sum(dim=1).mean()
