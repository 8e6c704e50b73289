"""From an encoder's token states to one feature vector a sentence, and what of that learns.

A reader is a mix of layers, if the ablation has one, and then a pooling or the recurrent layer of a head.
Where it learns nothing, the features of a frozen encoder never change and may be kept; where it does, they
must be computed anew at each step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from finesent.models.pooling import Attention, Final, Plain
from finesent.models.recurrence import Cell, RecurrentLayer, final_states
from finesent.params.ablation import Head

_CELLS: dict[str, Cell] = {"bigru": "gru", "bilstm": "lstm"}


class LayerMix(nn.Module):
    """A learned mix of K layers' states: ``gamma · Σ softmax(s)_k h_k`` (Peters et al., 2018, equation 1)."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = layers
        self.scores = nn.Parameter(torch.zeros(layers))
        self.gamma = nn.Parameter(torch.ones(1))

    def forward(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (B, L, H) float32 of K times (B, L, H) states."""
        weights = self.scores.softmax(dim=0)
        mixed = torch.stack([weight * layer.float() for weight, layer in zip(weights, states, strict=True)])
        return self.gamma * mixed.sum(dim=0)

    def initialise(self, generator: torch.Generator) -> None:
        """Start from the plain mean of the layers."""
        with torch.no_grad():
            self.scores.zero_()
            self.gamma.fill_(1.0)


class EndsOfRecurrence(nn.Module):
    """Dropout, a bidirectional recurrent layer over the token states, and its end states."""

    def __init__(self, head: Head, width: int) -> None:
        super().__init__()
        assert head.hidden is not None
        self.layer = RecurrentLayer(_CELLS[head.kind], width, head.hidden, True, head.dropout)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, 2 · hidden) float32 of (B, L, H) states under their (B, L) mask."""
        return final_states(self.layer(states, mask), mask, directions=2)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the recurrent layer's weights."""
        self.layer.initialise(generator)


class Reader(nn.Module):
    """Mix of layers and pooling.

    Args:
        pooling: its name; ``none`` where the head reads the token states itself.
        head: whose recurrent layer, if it has one, is the pooling.
        width: H, of the token states.
        directions: of a recurrent encoder; 1 for others.
        mix_layers: how many of the encoder's upper layers are mixed; 1 takes the last.
    """

    def __init__(self, pooling: str, head: Head, width: int, directions: int, mix_layers: int) -> None:
        super().__init__()
        self.mix = LayerMix(mix_layers) if mix_layers > 1 else None
        self.pool = _pool(pooling, head, width, directions)
        self.width = 2 * head.hidden if head.hidden is not None else width

    @property
    def learns(self) -> bool:
        """Whether anything in it does."""
        return any(True for _ in self.parameters())

    def forward(self, layers: Sequence[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """Return (B, F) float32 features of the (B, L, H) states of one or more layers, lowest first."""
        states = layers[-1] if self.mix is None else self.mix(layers)
        features: torch.Tensor = self.pool(states, mask)
        return features

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the first weights of all that learns."""
        for module in (self.mix, self.pool):
            if isinstance(module, (LayerMix, Attention, EndsOfRecurrence)):
                module.initialise(generator)


def _pool(pooling: str, head: Head, width: int, directions: int) -> nn.Module:
    if head.reads_tokens:
        return EndsOfRecurrence(head, width)
    if pooling == "attention":
        return Attention(width)
    if pooling == "final":
        return Final(directions)
    return Plain(pooling)
