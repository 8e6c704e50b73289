"""The label-aware contrastive loss."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from finesent.training.losses.base import LossInputs
from finesent.training.losses.contrastive import ContrastiveLoss


class LabelAwareContrastive(ContrastiveLoss):
    """Contrastive loss in which classes that are easily confused with an anchor's count for more.

    Mean over anchors i of
    ``-(w_i,y_i / |P(i)|) Σ_p log(exp(h_i·h_p / t) / Σ_k≠i w_i,y_k exp(h_i·h_k / t))``, with w_i the softmax
    of a weighting network's logits for row i, and y_k the label of row k. Suresh and Ong (2021, arXiv
    2109.05427), equation 3 as their code computes it: the printed equation has the outer weight inside the
    logarithm.

    Their weighting network is a second encoder. Here it is one linear map on the features, which are
    taken as constants, so that it costs next to nothing. It learns by its own cross-entropy, which is
    added; in the contrastive term the weights are constants, for that term could also be lowered by
    making the network worse.
    """

    def make_module(self, hidden: int, classes: int) -> nn.Module:
        """Return the weighting network."""
        return nn.Linear(hidden, classes)

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over anchors with a positive (0 if none has), plus the network's cross-entropy."""
        assert inputs.module is not None
        features, labels = self.anchors(inputs)
        logits: torch.Tensor = inputs.module(features.detach())
        log_weights = functional.log_softmax(logits.detach(), dim=1)[:, labels]
        values, paired = self.over_positives(features, labels, log_weights)
        own = log_weights.diagonal().exp()
        return self.mean(own * values, paired) + functional.cross_entropy(logits, labels)
