"""From (B, H) features to (B, C) logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def linear(hidden: int, classes: int, dropout: float) -> nn.Sequential:
    """Dropout and one linear map."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, classes))


def linear_dropout_linear(hidden: int, classes: int, dropout: float) -> nn.Sequential:
    """Two linear maps with dropout and no nonlinearity between, as the SST-5 write-up's code has it.

    It can express no more than one linear map, but is trained differently.
    """
    return nn.Sequential(nn.Linear(hidden, hidden), nn.Dropout(dropout), nn.Linear(hidden, classes))


def linear_tanh_linear(hidden: int, classes: int, dropout: float) -> nn.Sequential:
    """The head of Hugging Face's RobertaForSequenceClassification."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


HEADS: dict[str, Callable[[int, int, float], nn.Sequential]] = {
    "linear": linear,
    "linear-dropout-linear": linear_dropout_linear,
    "linear-tanh-linear": linear_tanh_linear,
    # The recurrent layer of these reads the token states (finesent/models/reader.py); this follows it.
    "bigru": linear,
    "bilstm": linear,
}


def initialise(module: nn.Module, generator: torch.Generator, spread: float = 0.02) -> None:
    """Draw every weight matrix from N(0, spread²) with ``generator`` and set every bias to zero.

    The spread is BERT's. The generator is the head's own, so that the same seed gives the same head in
    every ablation, whatever else was drawn before.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0.0, spread, generator=generator)
            else:
                parameter.zero_()
