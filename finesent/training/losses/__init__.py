"""Losses by name. A new one is a file here and a line in this registry (docs/extending.md)."""

from __future__ import annotations

from finesent.errors import FinesentError
from finesent.params.ablation import Ablation
from finesent.training.losses.base import Loss, LossParams
from finesent.training.losses.coral import Coral
from finesent.training.losses.cross_entropy import CrossEntropy
from finesent.training.losses.emd import Emd
from finesent.training.losses.fgm import Fgm
from finesent.training.losses.focal import Focal
from finesent.training.losses.lcl import LabelAwareContrastive
from finesent.training.losses.oll import OrdinalLogLoss
from finesent.training.losses.r_drop import RDrop
from finesent.training.losses.scl import SupervisedContrastive
from finesent.training.losses.soft_labels import SoftLabels
from finesent.training.losses.soft_ordinal import SoftOrdinal
from finesent.training.losses.triplet import Triplet
from finesent.training.unfreezing import depths_of
from finesent.validation import parse, unknown_name

LOSSES: dict[str, type[Loss]] = {
    "coral": Coral,
    "cross-entropy": CrossEntropy,
    "emd": Emd,
    "fgm": Fgm,
    "focal": Focal,
    "lcl": LabelAwareContrastive,
    "oll": OrdinalLogLoss,
    "r-drop": RDrop,
    "scl": SupervisedContrastive,
    "soft-labels": SoftLabels,
    "soft-ordinal": SoftOrdinal,
    "triplet": Triplet,
}

__all__ = ["LOSSES", "Loss", "LossParams", "build_losses"]


def build_losses(ablation: Ablation, place: str) -> dict[str, Loss]:
    """Build the losses that an ablation sums, by name.

    Raises:
        FinesentError: an unknown loss, a wrong parameter of one, no loss that trains the head, or one that
            would never act because the encoder stays frozen.
    """
    losses: dict[str, Loss] = {}
    for name, content in ablation.losses.items():
        if name not in LOSSES:
            raise unknown_name(f"{place}.losses", "loss", name, list(LOSSES))
        kind = LOSSES[name]
        losses[name] = kind(parse(kind.Params, content, f"{place}.losses.{name}"))
        if ablation.unfreeze.policy == "never" and not losses[name].reaches_head:
            raise FinesentError(
                f"{place}.losses.{name}",
                "has no gradient in the head, and unfreeze.policy never lets nothing else learn",
                "choose another unfreeze.policy, or take this loss out",
            )
    if not any(loss.trains_head for loss in losses.values()):
        raise FinesentError(f"{place}.losses", "none of them trains the head", "add cross-entropy")
    depths = depths_of(ablation, parts=1)
    for epoch, (phase, depth) in enumerate(zip(ablation.by_epoch(), depths, strict=True), 1):
        if depth == 0 and not any(losses[name].reaches_head for name in phase.losses or losses):
            raise FinesentError(
                f"{place}.phases",
                f"nothing would learn in epoch {epoch}: the encoder is frozen, and no loss reaches the head",
                "name one that has, such as cross-entropy, or let the encoder learn",
            )
    return losses
