"""The classifier: encoder, reader (pooling), head."""

from __future__ import annotations

import torch
from torch import nn

from finesent.errors import FinesentError
from finesent.models.encoder import Encoder, States, Weights, hidden_size, layers_of, token_states
from finesent.models.heads import HEADS
from finesent.models.prefix import PrefixStates
from finesent.models.reader import Reader
from finesent.models.recurrent import RecurrentNetwork
from finesent.params.ablation import Head


class Classifier(nn.Module):
    """An encoder, a reader of its token states and a head of C classes on the reader's F features."""

    def __init__(self, encoder: Encoder, pooling: str, head: Head, classes: int, mix_layers: int = 1) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = encoder
        self.mix_layers = mix_layers
        if mix_layers > 1:
            _require_layers(encoder, mix_layers)
        directions = encoder.directions if isinstance(encoder, RecurrentNetwork) else 1
        self.reader = Reader(pooling, head, hidden_size(encoder), directions, mix_layers)
        self.head = HEADS[head.kind](self.reader.width, classes, head.dropout)

    def states(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        weights: Weights = None,
        prefix: PrefixStates | None = None,
    ) -> States:
        """Return what the encoder makes of (B, L) token ids under their (B, L) mask, for :meth:`read`.

        Weights and prefix are those of :func:`~finesent.models.encoder.token_states`.
        """
        return token_states(self.encoder, input_ids, attention_mask, self.mix_layers, weights, prefix)

    def read(self, states: States, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, F) float32 features of an encoder's states."""
        features: torch.Tensor = self.reader(states, attention_mask)
        return features

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, F) float32 features of (B, L) token ids under their (B, L) mask."""
        return self.read(self.states(input_ids, attention_mask), attention_mask)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, C) float32 logits."""
        logits: torch.Tensor = self.head(self.features(input_ids, attention_mask))
        return logits.float()

    def parts(self) -> list[list[nn.Module]]:
        """The encoder in the order in which it unfreezes: top layer first, what lies below all layers last.

        That last part holds the embeddings and whatever else the architecture keeps outside its layers; word
        vectors that are to stay as they are, are in no part.
        """
        layers = layers_of(self.encoder)
        parts: list[list[nn.Module]] = [[layer] for layer in reversed(layers)]
        if isinstance(self.encoder, RecurrentNetwork) and not self.encoder.learns_embeddings:
            return parts
        return [*parts, _outside(self.encoder, layers)]

    def set_depth(self, depth: int) -> None:
        """Let the ``depth`` uppermost parts of the encoder learn, and freeze the others.

        Frozen modules are put into eval mode, so that they compute the same features at every epoch; reader,
        head and the learning parts are put into training mode.
        """
        self.reader.train()
        self.head.train()
        for number, part in enumerate(self.parts()):
            for module in part:
                module.requires_grad_(number < depth)
                module.train(number < depth)


def _require_layers(encoder: Encoder, mix_layers: int) -> None:
    there = len(layers_of(encoder))
    if mix_layers > there:
        raise FinesentError(
            "params.yaml: encoder.mix_layers",
            f"{mix_layers} layers are to be mixed, and the backbone has {there}",
            f"set it to {there} or less",
        )


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
