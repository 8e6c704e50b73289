"""Cross-entropy."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from finesent.training.losses.base import LossInputs, LossParams
from finesent.training.losses.class_weights import WeightedLoss, WeightedParams


class CrossEntropyParams(WeightedParams):
    """Parameters of :class:`CrossEntropy`.

    Attributes:
        label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al. 2016,
            arXiv 1512.00567, section 7).
    """

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class CrossEntropy(WeightedLoss):
    """Mean of ``-w[label] Σ_c q_c log softmax(logits)_c``, in nats.

    The target q is ``(1 - s) [c = label] + s / C`` under a label smoothing of s.
    """

    Params = CrossEntropyParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, CrossEntropyParams)
        self._smoothing = params.label_smoothing

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, in nats."""
        if not self.is_weighted:
            return functional.cross_entropy(inputs.logits, inputs.labels, label_smoothing=self._smoothing)
        values = functional.cross_entropy(
            inputs.logits, inputs.labels, reduction="none", label_smoothing=self._smoothing
        )
        return self.weighted_mean(values, inputs.labels)
