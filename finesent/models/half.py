"""An encoder's passes in bf16 from end to end, while the weights that learn stay float32.

Autocast turns every input of every matrix product into bf16 and keeps the rest in float32, which on a CPU
makes many copies. Here the weights are turned once a pass and the states stay bf16 between
layers, where normalisation and softmax still add up in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import PreTrainedModel

from finesent.models.encoder import Encoder
from finesent.models.hooks import output_changed

Stamp = tuple[int, int]


class HalfWeights:
    """The weights of encoders in bf16. What is frozen is turned once."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[nn.Module, dict[str, tuple[Stamp, torch.Tensor]]] = WeakKeyDictionary()

    def of(self, encoder: PreTrainedModel) -> dict[str, torch.Tensor]:
        """Return each weight in bf16 by its name, with gradient where it learns.

        The word embeddings are left out: of that large table a pass needs a few rows, which are turned
        after they were looked up (:func:`half_embeddings`).
        """
        table = encoder.get_input_embeddings().weight
        kept = self._kept.setdefault(encoder, {})
        named = [(name, weight) for name, weight in encoder.named_parameters() if weight is not table]
        return {name: _half(kept, name, weight) for name, weight in named}


@contextmanager
def half_embeddings(encoder: Encoder) -> Iterator[None]:
    """Inside, the encoder's word embeddings come out in bf16."""
    embeddings: nn.Module = encoder.get_input_embeddings()
    with output_changed(embeddings, lambda embedded: embedded.to(torch.bfloat16)):
        yield


def _half(kept: dict[str, tuple[Stamp, torch.Tensor]], name: str, weight: torch.Tensor) -> torch.Tensor:
    if weight.requires_grad:
        # A fused optimizer step does not count as a change below, so nothing that has learned since is kept.
        kept.pop(name, None)
        return weight.to(torch.bfloat16)
    # PyTorch counts a tensor's changes in place; moved to another device it has other memory.
    stamp = (weight._version, weight.data_ptr())
    if name not in kept or kept[name][0] != stamp:
        kept[name] = (stamp, weight.detach().to(torch.bfloat16))
    return kept[name][1]
