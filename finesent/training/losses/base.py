"""What the loop asks of a loss, and what it gives to one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field

from finesent.validation import Block


class LossParams(Block):
    """Parameters that every loss has."""

    weight: Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class LossInputs:
    """One (micro-)batch of B anchors.

    Attributes:
        logits: (B, C) float32.
        labels: (B,) int64.
        features: (B, H) float32 pooled encoder features.
        companions: (B, K, H) float32 features of the rows drawn for each anchor; None if none are.
    """

    logits: torch.Tensor
    labels: torch.Tensor
    features: torch.Tensor
    companions: torch.Tensor | None


class Loss(ABC):
    """A term of the training objective: the mean over a batch of a value for each anchor."""

    Params: ClassVar[type[LossParams]] = LossParams
    trains_head: ClassVar[bool] = False

    def __init__(self, params: LossParams) -> None:
        self.weight = params.weight

    def draw_companions(self, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
        """Return (N, K) training rows that go through the encoder with each of the N rows, this epoch.

        None where the loss needs no other rows.
        """
        return None

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, a scalar, without the weight."""
