"""From token states to one feature vector a sentence."""

from __future__ import annotations

from collections.abc import Callable

import torch


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
    # Summed in float32: a bf16 sum over dozens of tokens loses most of its digits.
    weights = mask.to(torch.float32).unsqueeze(-1)
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "first": first_token,
    "mean": mean_of_tokens,
}
