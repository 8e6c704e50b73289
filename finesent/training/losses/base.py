"""What training asks of a loss, and what it gives to one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import nn

from finesent.validation import Block


class LossParams(Block):
    """Parameters that every loss has."""

    weight: Annotated[float, Field(gt=0)]


class Need(Enum):
    """What a loss may ask for beyond one forward pass, and costs nothing where no loss asks."""

    SECOND_VIEW = "a second forward pass of the same rows, under other dropout masks"
    PERTURBED = "a forward pass whose word embeddings are moved along a gradient"


@dataclass(frozen=True)
class View:
    """The same B anchors once more, under other dropout masks.

    Attributes:
        logits: (B, C) float32.
        features: (B, H) float32.
    """

    logits: torch.Tensor
    features: torch.Tensor


@dataclass(frozen=True)
class LossInputs:
    """One (micro-)batch of B anchors.

    It is the whole batch where a loss of the ablation compares its rows.

    Attributes:
        logits: (B, C) float32.
        labels: (B,) int64.
        features: (B, H) float32 pooled encoder features.
        companions: (B, K, H) float32 features of the rows drawn for each anchor; None if none are.
        soft_labels: (B, C) float32 shares of raters; a row of NaN where nobody rated; None if the data
            has none.
        second: the second view; None unless the loss needs it.
        perturbed: returns the (B, C) logits after each anchor's word embeddings were moved by a length
            along the gradient of a scalar; None unless the loss needs it.
        module: the loss's own module; None if it has none.
    """

    logits: torch.Tensor
    labels: torch.Tensor
    features: torch.Tensor
    companions: torch.Tensor | None = None
    soft_labels: torch.Tensor | None = None
    second: View | None = None
    perturbed: Callable[[torch.Tensor, float], torch.Tensor] | None = None
    module: nn.Module | None = None


@dataclass(frozen=True)
class TrainingData:
    """What a loss may know of the training split before training.

    Attributes:
        labels: (N,) int64.
        classes: number C of classes.
        soft_labels: (N, C) shares of raters, a row of NaN where nobody rated; None if there are none.
    """

    labels: np.ndarray
    classes: int
    soft_labels: np.ndarray | None = None

    @property
    def counts(self) -> np.ndarray:
        """(C,) training rows of each class."""
        return np.bincount(self.labels, minlength=self.classes)


class Loss(ABC):
    """A term of the training objective: the mean over a batch of a value for each anchor.

    Attributes:
        Params: what a loss of this kind is configured by.
        trains_head: whether it teaches the head the labels; one loss of an ablation must.
        reaches_head: whether any of its gradient reaches the head. If none does, the loss is left out
            while the encoder is frozen.
        needs: what it asks for beyond one forward pass.
        compares_rows: whether the value of an anchor depends on which rows share its batch. Then the batch
            is never cut, neither to fit memory nor among processes: over parts it is another loss.
    """

    Params: ClassVar[type[LossParams]] = LossParams
    trains_head: ClassVar[bool] = False
    reaches_head: ClassVar[bool] = False

    def __init__(self, params: LossParams) -> None:
        self.weight = params.weight
        self.needs: frozenset[Need] = frozenset()
        self.compares_rows = False

    def prepare(self, data: TrainingData, place: str) -> None:
        """Look at the training split, once, before any seed is trained.

        Args:
            data: the training split.
            place: the loss's block of params.yaml, to be named in an error.

        Raises:
            FinesentError: the data lacks what the loss needs.
        """
        return

    def draw_companions(self, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
        """Return (N, K) training rows that go through the encoder with each of the N rows, this epoch.

        None where the loss needs no other rows.
        """
        return None

    def make_module(self, hidden: int, classes: int) -> nn.Module | None:
        """Return a module of the loss's own for (B, ``hidden``) features, or None.

        It is drawn anew for each seed, learns at the head's rate while the encoder does, and is kept in
        checkpoints but not with the model.
        """
        return None

    def remark(self) -> str | None:
        """Return what is worth telling of the batches since the last call, or None."""
        return None

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, a scalar, without the weight."""


class LogitLoss(Loss):
    """A loss of logits and labels, which trains the head even where the encoder is frozen."""

    trains_head: ClassVar[bool] = True
    reaches_head: ClassVar[bool] = True


def widened(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in float32 or better: differences of similarities vanish in bf16's eight bits."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
