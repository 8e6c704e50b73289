"""How much of the encoder learns in which epoch."""

from __future__ import annotations

from finesent.models.classifier import Classifier
from finesent.params.ablation import Ablation, NeverUnfreeze, Unfreeze, UnfreezeAll


def depth_at(epoch: int, unfreeze: Unfreeze, parts: int) -> int:
    """Return how many of the encoder's ``parts``, from the top, learn in ``epoch`` (counted from 1).

    0 is a frozen encoder; ``parts`` (the layers and, last, the embeddings) is all of it.
    """
    if isinstance(unfreeze, NeverUnfreeze) or epoch <= unfreeze.after:
        return 0
    if isinstance(unfreeze, UnfreezeAll):
        return parts
    return min(parts, 1 + (epoch - unfreeze.after - 1) // unfreeze.every)


def depths_of(ablation: Ablation, parts: int) -> list[int]:
    """Return how many of the encoder's ``parts`` learn in each epoch, the first epoch first.

    An epoch of a frozen phase has none, whatever ``unfreeze`` says.
    """
    return [
        0 if phase.frozen else depth_at(epoch, ablation.unfreeze, parts)
        for epoch, phase in enumerate(ablation.by_epoch(), 1)
    ]


def levels_of(classifier: Classifier) -> dict[str, int]:
    """Return by name how many parts of the encoder lie above each of its parameters: 0 in the top layer."""
    numbers = {
        parameter: number
        for number, part in enumerate(classifier.parts())
        for module in part
        for parameter in module.parameters()
    }
    return {name: numbers[p] for name, p in classifier.named_parameters() if p in numbers}
