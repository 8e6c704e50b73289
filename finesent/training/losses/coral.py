"""The ordinal loss of CORAL, on the cumulative probabilities of a softmax."""

from __future__ import annotations

import torch

from finesent.training.losses.base import LogitLoss, LossInputs


class Coral(LogitLoss):
    """Mean of ``-Σ_k ([label > k] log P(y > k) + [label <= k] log P(y <= k))`` for k = 0 .. C - 2.

    Cao, Mirjalili and Raschka (2020, arXiv 1901.07884), with all tasks of equal importance. Their model has
    one score and C - 1 biases; here the C - 1 binary tasks read the cumulative sums of the C-way softmax.
    Those fall with k by construction, which is what the shared score was for, and the prediction stays the
    largest of C logits, so that an ablation with this loss differs from the others in nothing else.
    """

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        logits = inputs.logits
        whole = torch.logsumexp(logits, dim=1, keepdim=True)
        at_most = torch.logcumsumexp(logits, dim=1)[:, :-1] - whole
        above = torch.logcumsumexp(logits.flip(1), dim=1).flip(1)[:, 1:] - whole
        thresholds = torch.arange(logits.shape[1] - 1, device=logits.device)
        chosen = torch.where(inputs.labels[:, None] > thresholds, above, at_most)
        return -chosen.sum(dim=1).mean()
