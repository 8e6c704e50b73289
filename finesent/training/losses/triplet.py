"""The triplet loss with negatives from the neighbouring class."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from finesent.errors import FinesentError
from finesent.training.losses.base import Loss, LossInputs, LossParams


class TripletParams(LossParams):
    """Parameters of :class:`Triplet`.

    Attributes:
        margin: by how much the negative must be farther than the positive.
        distance: ``squared-l2`` is the SST-5 write-up's formula, ``l2`` what its notebook computed.
        normalise: whether features are scaled to length 1 first; the write-up does not.
    """

    margin: Annotated[float, Field(gt=0)] = 1.0
    distance: Literal["squared-l2", "l2"] = "squared-l2"
    normalise: bool = False


class Triplet(Loss):
    """``max(0, d(a, p) - d(a, n) + margin)`` on the pooled features, averaged over the anchors.

    For each anchor and epoch one positive of the same class (never the anchor itself) and one negative of
    an adjacent class are drawn; where both neighbours of a class have rows, each is taken with
    probability one half. After Schroff, Kalenichenko and Philbin (2015), equation 3.
    """

    Params: ClassVar[type[LossParams]] = TripletParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, TripletParams)
        self._margin = params.margin
        self._squared = params.distance == "squared-l2"
        self._normalise = params.normalise

    def draw_companions(self, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (N, 2) rows: a positive and a negative for each row.

        Raises:
            FinesentError: a class has a single row, or no row in either neighbouring class.
        """
        members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        drawn = np.empty((len(labels), 2), dtype=np.int64)
        for label, rows in members.items():
            if len(rows) < 2:
                raise _undrawable(label, "one row, so that it has no positive but itself")
            # Drawing among one fewer and stepping over the anchor's own place never gives the anchor.
            places = generator.integers(0, len(rows) - 1, len(rows))
            drawn[rows, 0] = rows[places + (places >= np.arange(len(rows)))]
            drawn[rows, 1] = _draw_negatives(label, members, len(rows), generator)
        return drawn

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the anchors."""
        assert inputs.companions is not None
        anchor, companions = inputs.features, inputs.companions
        if self._normalise:
            anchor, companions = (
                functional.normalize(anchor, dim=-1),
                functional.normalize(companions, dim=-1),
            )
        positive = self._distance(anchor, companions[:, 0])
        negative = self._distance(anchor, companions[:, 1])
        return functional.relu(positive - negative + self._margin).mean()

    def _distance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        squared = (a - b).square().sum(dim=-1)
        # The root has no finite slope at zero distance, hence the small offset.
        return squared if self._squared else (squared + 1e-12).sqrt()


def _draw_negatives(
    label: int, members: dict[int, np.ndarray], count: int, generator: np.random.Generator
) -> np.ndarray:
    neighbours = [members[other] for other in (label - 1, label + 1) if other in members]
    if not neighbours:
        raise _undrawable(label, "no row in a neighbouring class to be its negative")
    side = generator.integers(0, len(neighbours), count)
    draws = np.stack([generator.choice(rows, count) for rows in neighbours])
    return draws[side, np.arange(count)]


def _undrawable(label: int, problem: str) -> FinesentError:
    return FinesentError(
        "triplet loss", f"class {label} has {problem}", "train on more rows, or take the triplet loss out"
    )
