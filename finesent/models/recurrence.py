"""Recurrent networks over padded batches that never read the padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Cell = Literal["rnn", "gru", "lstm"]
CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentLayer(nn.Module):
    """Dropout, then one recurrent layer in one direction or two."""

    def __init__(self, cell: Cell, width: int, hidden: int, bidirectional: bool, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.recurrent = CELLS[cell](width, hidden, batch_first=True, bidirectional=bidirectional)
        self.directions = 2 if bidirectional else 1

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, L, D · hidden) float32 states, D directions side by side; zero where there is padding.

        Args:
            states: (B, L, H) inputs of the steps.
            mask: (B, L), 1 where there is a token; every row has one at least, and its tokens come first.
        """
        # A recurrence adds to its state at every step, which bf16 has too few digits for.
        with torch.autocast(states.device.type, enabled=False):
            packed = pack_padded_sequence(
                self.dropout(states.float()), mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
            )
            output, _ = self.recurrent(packed)
            padded, _ = pad_packed_sequence(output, batch_first=True, total_length=mask.shape[1])
        return padded

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every weight and bias from U(-k, k), k = 1/√hidden, which is PyTorch's own rule."""
        bound = self.recurrent.hidden_size**-0.5
        with torch.no_grad():
            for parameter in self.recurrent.parameters():
                parameter.uniform_(-bound, bound, generator=generator)


def final_states(states: torch.Tensor, mask: torch.Tensor, directions: int) -> torch.Tensor:
    """Return (B, D · hidden) float32: each direction's state after its last step.

    The forward network ends at a row's last token, the backward one at its first. Taking the last column for
    both would give a state that has read padding, or one word.

    Args:
        states: (B, L, D · hidden) states of a recurrent layer.
        mask: (B, L), 1 where there is a token.
        directions: D, 1 or 2.
    """
    rows = torch.arange(len(states), device=states.device)
    last = states[rows, mask.sum(dim=1) - 1].float()
    if directions == 1:
        return last
    hidden = states.shape[-1] // 2
    return torch.cat([last[:, :hidden], states[:, 0, hidden:].float()], dim=-1)
