"""Losses and random float64 batches for them, whatever they ask for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from finesent.models.heads import initialise
from finesent.training.losses import LOSSES, Loss
from finesent.training.losses.base import LossInputs, View
from finesent.validation import parse

HIDDEN = 7


def make(name: str, **params: Any) -> Loss:
    """A loss as params.yaml would configure it."""
    kind = LOSSES[name]
    return kind(parse(kind.Params, {"weight": 1.0, **params}, "test"))


def inputs_of(
    logits: torch.Tensor,
    labels: torch.Tensor,
    features: torch.Tensor,
    companions: torch.Tensor,
    soft_labels: torch.Tensor,
    again: torch.Tensor,
    features_again: torch.Tensor,
    weighting: nn.Module | None,
) -> LossInputs:
    """Everything that a loss can ask for; the 'encoder' behind perturbed logits is the map x -> 2 x²."""

    def perturbed(value: torch.Tensor, length: float) -> torch.Tensor:
        (gradient,) = torch.autograd.grad(value, logits, create_graph=False, retain_graph=True)
        step = gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-30)
        return 2 * (logits + length * step.detach()).square()

    return LossInputs(
        logits, labels, features, companions, soft_labels, View(again, features_again), perturbed, weighting
    )


def random_inputs(seed: int, batch: int = 6, classes: int = 5, hidden: int = HIDDEN) -> LossInputs:
    """A batch in float64, with labels and everything else drawn at random."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    labels = torch.randint(0, classes, (batch,), generator=generator)
    weighting = nn.Linear(hidden, classes).double()
    initialise(weighting, generator, spread=0.5)
    return inputs_of(
        (draw(batch, classes) * 3).requires_grad_(),
        labels,
        draw(batch, hidden),
        draw(batch, 2, hidden),
        torch.softmax(draw(batch, classes), dim=1),
        draw(batch, classes) * 3,
        draw(batch, hidden),
        weighting,
    )
