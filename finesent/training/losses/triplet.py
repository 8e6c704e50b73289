"""The triplet loss: with a negative drawn from the neighbouring class, or the hardest of the batch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from finesent.errors import FinesentError
from finesent.training.losses.base import Loss, LossInputs, LossParams, TrainingData, widened
from finesent.training.losses.partners import Partners, require_two_of_each_class


class TripletParams(LossParams):
    """Parameters of :class:`Triplet`.

    Attributes:
        margin: by how much the negative must be farther than the positive.
        distance: ``squared-l2`` is the SST-5 write-up's formula, ``l2`` what its notebook computed.
        normalise: whether features are scaled to length 1 first; the write-up does not.
        mining: ``random-adjacent`` draws both anew each epoch, the negative from an adjacent class;
            ``batch-hard`` takes the farthest positive and the nearest negative of the batch.
    """

    margin: Annotated[float, Field(gt=0)] = 1.0
    distance: Literal["squared-l2", "l2"] = "squared-l2"
    normalise: bool = False
    mining: Literal["random-adjacent", "batch-hard"] = "random-adjacent"


class Triplet(Loss):
    """``max(0, d(a, p) - d(a, n) + margin)`` on the pooled features, averaged over the anchors.

    Random-adjacent: for each anchor and epoch one positive of the same class (never the anchor itself) and
    one negative of an adjacent class are drawn; where both neighbours of a class have rows, each is taken
    with probability one half. After Schroff, Kalenichenko and Philbin (2015, arXiv 1503.03832), equation 3.

    Batch-hard: p is the farthest row of the anchor's class in the batch and n the nearest of any other
    class, after Hermans, Beyer and Leibe (2017, arXiv 1703.07737), equation 5. Anchors that lack either are
    passed over and counted.
    """

    Params: ClassVar[type[LossParams]] = TripletParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, TripletParams)
        self._margin = params.margin
        self._squared = params.distance == "squared-l2"
        self._normalise = params.normalise
        self._hardest = params.mining == "batch-hard"
        self.compares_rows = self._hardest
        self._partners = Partners()

    def prepare(self, data: TrainingData, place: str) -> None:
        """Check that every class can have a positive.

        Raises:
            FinesentError: a class has a single row.
        """
        require_two_of_each_class(data, place, "train on more rows, or take the triplet loss out")

    def remark(self) -> str | None:
        """Return how many anchors had no positive or no negative in their batch."""
        return self._partners.remark("positive or no negative")

    def draw_companions(self, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
        """Return (N, 2) rows: a positive and a negative for each row; None when the batch has them.

        Raises:
            FinesentError: a class has a single row, or no row in either neighbouring class.
        """
        if self._hardest:
            return None
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
        if self._hardest:
            return self._of_the_hardest(inputs)
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

    def _of_the_hardest(self, inputs: LossInputs) -> torch.Tensor:
        features, labels = widened(inputs.features), inputs.labels
        if self._normalise:
            features = functional.normalize(features, dim=-1)
        same = labels[:, None] == labels
        itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        with torch.no_grad():
            apart = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
            farthest = apart.masked_fill(~same | itself, -torch.inf).argmax(dim=1)
            nearest = apart.masked_fill(same, torch.inf).argmin(dim=1)
        # Not `features[farthest]`: with repeated rows its backward pass adds in whatever order threads come.
        positive = self._distance(features, functional.embedding(farthest, features))
        negative = self._distance(features, functional.embedding(nearest, features))
        paired = (same & ~itself).any(dim=1) & (~same).any(dim=1)
        return self._partners.mean(functional.relu(positive - negative + self._margin), paired)

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
