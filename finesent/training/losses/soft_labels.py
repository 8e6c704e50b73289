"""Cross-entropy against the distribution of human ratings."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from finesent.errors import FinesentError
from finesent.training.losses.base import LogitLoss, LossInputs, LossParams, TrainingData


class SoftLabelsParams(LossParams):
    """Parameters of :class:`SoftLabels`.

    Attributes:
        gold: share of the target that the gold label has; the raters' shares have the rest.
    """

    gold: Annotated[float, Field(ge=0, le=1)] = 0.0


class SoftLabels(LogitLoss):
    """Mean of ``-Σ_c q_c log softmax(logits)_c``, in nats, for a target q made of ratings.

    q is ``gold · [c = label] + (1 - gold) · share of the raters who chose c``; a row that nobody rated has
    its gold label alone. The Kullback-Leibler divergence from q is smaller by the entropy of q, which does
    not depend on the model: both have one gradient. After Peterson, Battleday, Griffiths and Russakovsky
    (2019, arXiv 1908.07086).
    """

    Params = SoftLabelsParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, SoftLabelsParams)
        self._gold = params.gold

    def prepare(self, data: TrainingData, place: str) -> None:
        """Check that there are ratings.

        Raises:
            FinesentError: no training row has any.
        """
        if data.soft_labels is None or np.isnan(data.soft_labels).any(axis=1).all():
            raise FinesentError(
                place,
                "the training rows have no soft labels",
                "choose a data set whose catalog entry reads ratings, or take soft-labels out",
            )

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch."""
        assert inputs.soft_labels is not None
        hard = functional.one_hot(inputs.labels, inputs.logits.shape[1]).to(inputs.logits)
        shares = inputs.soft_labels.to(inputs.logits)
        mixed = self._gold * hard + (1 - self._gold) * shares
        target = torch.where(shares.isnan().any(dim=1, keepdim=True), hard, mixed)
        return -(target * functional.log_softmax(inputs.logits, dim=1)).sum(dim=1).mean()
