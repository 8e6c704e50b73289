"""From token states to one feature vector a sentence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from finesent.models.heads import initialise
from finesent.models.recurrence import final_states


def first_token(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The state of the first token (``[CLS]`` or ``<s>``).

    Args:
        states: (B, L, H) token states.
        mask: (B, L), 1 where there is a token.

    Returns:
        (B, H) float32.
    """
    return states[:, 0].float()


def mean_of_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the real tokens; padding has no weight.

    Args:
        states: (B, L, H) token states.
        mask: (B, L), 1 where there is a token.

    Returns:
        (B, H) float32.
    """
    # Whether anything is padding is not asked: a GPU's answer would be waited for.
    real = states * mask.to(states.dtype).unsqueeze(-1)
    # Summed in float32: a bf16 sum over dozens of tokens loses most of its digits.
    return real.sum(dim=1, dtype=torch.float32) / mask.sum(dim=1, keepdim=True)


def max_of_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The greatest value of each dimension over the real tokens.

    Args:
        states: (B, L, H) token states.
        mask: (B, L), 1 where there is a token.

    Returns:
        (B, H) float32.
    """
    return states.float().masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).amax(dim=1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "first": first_token,
    "mean": mean_of_tokens,
    "max": max_of_tokens,
}


class Attention(nn.Module):
    """A mean over the real tokens whose weights are learned.

    The weights are a softmax of ``v · tanh(W h + b)``: the additive attention of Bahdanau, Cho and Bengio
    (2015) without a query, as Yang et al. (2016) pool words with it.

    Args:
        width: H, of the token states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, H) float32 of (B, L, H) states under their (B, L) mask."""
        scores = self.score(torch.tanh(self.project(states))).float()
        weights = scores.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).softmax(dim=1)
        pooled: torch.Tensor = (states.float() * weights).sum(dim=1)
        return pooled

    def initialise(self, generator: torch.Generator) -> None:
        """Draw small weights, so that training starts close to the plain mean."""
        initialise(self, generator)


class Final(nn.Module):
    """The end state of each direction of a recurrent encoder."""

    def __init__(self, directions: int) -> None:
        super().__init__()
        self._directions = directions

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, H) float32 of (B, L, H) states under their (B, L) mask."""
        return final_states(states, mask, self._directions)


class Plain(nn.Module):
    """One of :data:`POOLINGS`, which learn nothing."""

    def __init__(self, pooling: str) -> None:
        super().__init__()
        self._pool = POOLINGS[pooling]

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, H) float32 of (B, L, H) states under their (B, L) mask."""
        return self._pool(states, mask)
