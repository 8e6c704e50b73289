"""The supervised contrastive loss."""

from __future__ import annotations

import torch

from finesent.training.losses.base import LossInputs
from finesent.training.losses.contrastive import ContrastiveLoss


class SupervisedContrastive(ContrastiveLoss):
    """Mean over anchors i of ``-(1 / |P(i)|) Σ_p log(exp(h_i·h_p / t) / Σ_k≠i exp(h_i·h_k / t))``.

    P(i) holds the other rows of the class in the batch. Khosla et al. (2020, arXiv 2004.11362), equation 2;
    with cross-entropy beside it, as Gunel, Du, Conneau and Stoyanov (2021, arXiv 2011.01403) fine-tune
    language models. Anchors without a positive are passed over and counted.
    """

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the anchors that have a positive; 0 if none has."""
        return self.mean(*self.over_positives(*self.anchors(inputs)))
