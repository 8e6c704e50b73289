"""Adversarial training on word embeddings, by the fast gradient method."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from finesent.training.losses.base import Loss, LossInputs, LossParams, Need


class FgmParams(LossParams):
    """Parameters of :class:`Fgm`.

    Attributes:
        epsilon: length of the step, in units of the word embeddings, over all words of a sentence;
            docs/ablations.md says what it is in units of the paper.
    """

    epsilon: Annotated[float, Field(gt=0)] = 1.0


class Fgm(Loss):
    """Cross-entropy after every sentence's embeddings moved by ``epsilon · g / ||g||_2``.

    g is the gradient of the sentence's cross-entropy with respect to its word embeddings, taken as a
    constant: Miyato, Dai and Goodfellow (2017, arXiv 1605.07725). They scale the embeddings of the
    vocabulary to mean 0 and variance 1; here they stay as pretrained, and epsilon is in their unit.
    """

    Params = FgmParams

    def __init__(self, params: LossParams) -> None:
        super().__init__(params)
        assert isinstance(params, FgmParams)
        self._epsilon = params.epsilon
        self.needs = frozenset({Need.PERTURBED})

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        """Return the mean over the batch, in nats."""
        assert inputs.perturbed is not None
        clean = functional.cross_entropy(inputs.logits, inputs.labels)
        return functional.cross_entropy(inputs.perturbed(clean, self._epsilon), inputs.labels)
