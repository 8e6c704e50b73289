"""Weights of classes, for the losses that have them."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field

from finesent.errors import FinesentError
from finesent.training.losses.base import LogitLoss, LossParams, TrainingData

ClassWeights = Literal["none", "balanced"] | list[Annotated[float, Field(gt=0)]]


class WeightedParams(LossParams):
    """Parameters of a loss with class weights.

    Attributes:
        class_weights: ``none``; ``balanced``, N / (C · rows of the class), which is 1 on average over the
            training rows; or one number a class.
    """

    class_weights: ClassWeights = "none"


class WeightedLoss(LogitLoss):
    """A loss whose value for a row counts by the weight of the row's class.

    The sum is divided by the number of rows, not by the sum of their weights as PyTorch's cross-entropy
    does: so a row counts alike in every batch, and a batch in pieces gives the gradient of the whole.
    """

    Params = WeightedParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, WeightedParams)
        self._chosen = params.class_weights
        self._weights: torch.Tensor | None = None

    def prepare(self, data: TrainingData, place: str) -> None:
        """Fix the (C,) weights.

        Raises:
            FinesentError: the list has not one weight a class.
        """
        if isinstance(self._chosen, list):
            if len(self._chosen) != data.classes:
                raise FinesentError(
                    f"{place}.class_weights",
                    f"has {len(self._chosen)} weights, and the data has {data.classes} classes",
                    "give one weight a class, in the order of the classes",
                )
            self._weights = torch.tensor(self._chosen, dtype=torch.float32)
        elif self._chosen == "balanced":
            shares = len(data.labels) / (data.classes * data.counts)
            self._weights = torch.tensor(shares, dtype=torch.float32)

    def weighted_mean(self, values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean of (B,) values, each times the weight of its row's class."""
        if self._weights is None:
            return values.mean()
        return (values * self._weights.to(values)[labels]).mean()

    @property
    def is_weighted(self) -> bool:
        """Whether there are weights."""
        return self._weights is not None
