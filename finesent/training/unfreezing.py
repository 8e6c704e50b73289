"""How much of the encoder learns in which epoch."""

from __future__ import annotations

from finesent.params.ablation import NeverUnfreeze, Unfreeze, UnfreezeAll


def depth_at(epoch: int, unfreeze: Unfreeze, parts: int) -> int:
    """Return how many of the encoder's ``parts``, from the top, learn in ``epoch`` (counted from 1).

    0 is a frozen encoder; ``parts`` (the layers and, last, the embeddings) is all of it.
    """
    if isinstance(unfreeze, NeverUnfreeze) or epoch <= unfreeze.after:
        return 0
    if isinstance(unfreeze, UnfreezeAll):
        return parts
    return min(parts, 1 + (epoch - unfreeze.after - 1) // unfreeze.every)
