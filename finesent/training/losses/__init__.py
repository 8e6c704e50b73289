"""Losses by name. A new one is a file here and a line in this registry."""

from __future__ import annotations

from finesent.errors import FinesentError
from finesent.params.ablation import Ablation
from finesent.training.losses.base import Loss, LossParams
from finesent.training.losses.cross_entropy import CrossEntropy
from finesent.training.losses.triplet import Triplet
from finesent.validation import parse, unknown_name

LOSSES: dict[str, type[Loss]] = {
    "cross-entropy": CrossEntropy,
    "triplet": Triplet,
}

__all__ = ["LOSSES", "Loss", "LossParams", "build_losses"]


def build_losses(ablation: Ablation, place: str) -> dict[str, Loss]:
    """Build the losses that an ablation sums, by name.

    Raises:
        FinesentError: an unknown loss, a wrong parameter of one, or no loss that trains the head.
    """
    losses: dict[str, Loss] = {}
    for name, content in ablation.losses.items():
        if name not in LOSSES:
            raise unknown_name(f"{place}.losses", "loss", name, list(LOSSES))
        kind = LOSSES[name]
        losses[name] = kind(parse(kind.Params, content, f"{place}.losses.{name}"))
    if not any(loss.trains_head for loss in losses.values()):
        raise FinesentError(f"{place}.losses", "none of them trains the head", "add cross-entropy")
    return losses
