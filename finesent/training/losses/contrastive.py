"""What the supervised contrastive losses share: their params, their anchors, and the mean over positives."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from finesent.training.losses.base import Loss, LossInputs, LossParams, Need, TrainingData, widened
from finesent.training.losses.partners import Partners, require_two_of_each_class


class ContrastiveParams(LossParams):
    """Parameters of a supervised contrastive loss.

    Attributes:
        temperature: by which similarities are divided; for raw features it takes up their squared length
            too, so that values of 10 and more are usual there.
        normalise: whether features are scaled to length 1 first.
        second_view: whether each row comes a second time, under other dropout masks; then every anchor
            has a positive, at the price of a second forward pass.
    """

    temperature: Annotated[float, Field(gt=0)] = 0.3
    normalise: bool = True
    second_view: bool = False


class ContrastiveLoss(Loss):
    """A loss that draws each anchor to the rows of its class, and away from the others of its batch."""

    Params = ContrastiveParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, ContrastiveParams)
        self.compares_rows = True
        self._temperature = params.temperature
        self._normalise = params.normalise
        self._two_views = params.second_view
        self._partners = Partners()
        if params.second_view:
            self.needs = frozenset({Need.SECOND_VIEW})

    def prepare(self, data: TrainingData, place: str) -> None:
        """Check that every class can have a positive.

        Raises:
            FinesentError: a class has a single row and there is no second view.
        """
        if not self._two_views:
            require_two_of_each_class(data, place, "train on more rows, or set second_view to true")

    def remark(self) -> str | None:
        """Return how many anchors had no positive."""
        return self._partners.remark("positive")

    def anchors(self, inputs: LossInputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (A, H) features of all views, as they came, and their (A,) labels; A is B or 2 B."""
        if not self._two_views:
            return widened(inputs.features), inputs.labels
        assert inputs.second is not None
        both = torch.cat([inputs.features, inputs.second.features])
        return widened(both), torch.cat([inputs.labels, inputs.labels])

    def over_positives(
        self, features: torch.Tensor, labels: torch.Tensor, log_weights: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each anchor's mean over its positives, and which anchors have one.

        The value of anchor i is ``-(1 / |P(i)|) Σ_p log(exp(s_ip) / Σ_k≠i v_ik exp(s_ik))`` with s the
        similarity over the temperature, P(i) the other anchors of its class, and v the weights.

        Args:
            features: (A, H).
            labels: (A,).
            log_weights: (A, A) log v; None for weights of 1.

        Returns:
            (A,) values, meaningless where there is no positive, and (A,) booleans.
        """
        if self._normalise:
            features = functional.normalize(features, dim=-1)
        similarity = features @ features.T / self._temperature
        itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        weighted = similarity if log_weights is None else similarity + log_weights
        # A lone anchor is left in its own denominator, which nobody reads, because the logarithm of an
        # empty sum has no gradient.
        excluded = itself if len(labels) > 1 else torch.zeros_like(itself)
        denominator = weighted.masked_fill(excluded, -torch.inf).logsumexp(dim=1, keepdim=True)
        positive = (labels[:, None] == labels) & ~itself
        counts = positive.sum(dim=1)
        sums = (similarity - denominator).masked_fill(~positive, 0.0).sum(dim=1)
        return -sums / counts.clamp_min(1), counts > 0

    def mean(self, values: torch.Tensor, paired: torch.Tensor) -> torch.Tensor:
        """Return the mean over the anchors that have a positive."""
        return self._partners.mean(values, paired)
