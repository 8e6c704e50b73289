"""Cross-entropy."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from finesent.training.losses.base import Loss, LossInputs


class CrossEntropy(Loss):
    """Mean of ``-log softmax(logits)[label]``."""

    trains_head: ClassVar[bool] = True

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, in nats."""
        return functional.cross_entropy(inputs.logits, inputs.labels)
