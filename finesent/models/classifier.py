"""The classifier: encoder, pooling, head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers import PreTrainedModel

from finesent.models.encoder import hidden_size, layers_of
from finesent.models.heads import HEADS
from finesent.models.pooling import POOLINGS
from finesent.params.ablation import Head


class Classifier(nn.Module):
    """An encoder whose pooled token states feed a head of C classes."""

    def __init__(self, encoder: PreTrainedModel, pooling: str, head: Head, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = encoder
        self.head = HEADS[head.kind](hidden_size(encoder), classes, head.dropout)
        self._pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = POOLINGS[pooling]

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, H) float32 features of (B, L) token ids under their (B, L) mask."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self._pool(states, attention_mask)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, C) float32 logits."""
        logits: torch.Tensor = self.head(self.features(input_ids, attention_mask))
        return logits.float()

    def parts(self) -> list[list[nn.Module]]:
        """The encoder in the order in which it unfreezes: top layer first, what lies below all layers last.

        That last part holds the embeddings and whatever else the architecture keeps outside its layers.
        """
        layers = layers_of(self.encoder)
        return [[layer] for layer in reversed(layers)] + [_outside(self.encoder, layers)]

    def set_depth(self, depth: int) -> None:
        """Let the ``depth`` uppermost parts of the encoder learn, and freeze the others.

        Frozen modules are put into eval mode, so that they compute the same features at every epoch; the
        head and the learning parts are put into training mode.
        """
        self.head.train()
        for number, part in enumerate(self.parts()):
            for module in part:
                module.requires_grad_(number < depth)
                module.train(number < depth)


def _outside(module: nn.Module, layers: nn.ModuleList) -> list[nn.Module]:
    """The largest submodules that contain none of ``layers``."""
    found: list[nn.Module] = []
    for child in module.children():
        if child is layers:
            continue
        if any(inner is layers for inner in child.modules()):
            found += _outside(child, layers)
        else:
            found.append(child)
    return found
