"""Word embeddings seen and moved from outside the encoder, whatever its architecture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from finesent.models.hooks import output_changed


@contextmanager
def recorded(embeddings: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Inside, collect the (U, L, E) outputs of an embedding module, with gradient even where it is frozen."""
    outputs: list[torch.Tensor] = []

    def keep(output: torch.Tensor) -> torch.Tensor:
        outputs.append(output if output.requires_grad else output.requires_grad_())
        return output

    with output_changed(embeddings, keep):
        yield outputs


@contextmanager
def moved(embeddings: nn.Module, by: torch.Tensor) -> Iterator[None]:
    """Inside, add ``by`` to the (U, L, E) output of an embedding module."""
    with output_changed(embeddings, lambda output: output + by):
        yield


def ascent(value: torch.Tensor, embedded: torch.Tensor, length: float) -> torch.Tensor:
    """Return the step of each row, ``length`` long, along the gradient of ``value``.

    Args:
        value: a scalar computed from ``embedded``; its graph is kept.
        embedded: (U, L, E).
        length: L2 norm of a row's step over all its L x E numbers.

    Returns:
        (U, L, E) constants; 0 for a row that ``value`` does not depend on.
    """
    (gradient,) = torch.autograd.grad(value, embedded, retain_graph=True)
    smallest = torch.finfo(gradient.dtype).tiny
    # By its largest entry first: the squares of a small gradient would round to 0.
    scaled = gradient / gradient.abs().amax(dim=(1, 2), keepdim=True).clamp_min(smallest)
    norm = torch.linalg.vector_norm(scaled, dim=(1, 2), keepdim=True)
    step: torch.Tensor = length * scaled / norm.clamp_min(smallest)
    return step
