"""Rows of a batch one behind the other, without the padding between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

# oneDNN makes kernels for every number of tokens, which takes a while, and keeps them. So there are to be few
# numbers: multiples of such a part of a power of two.
_PARTS = 32
_LEAST = 8


class Packing:
    """Where the tokens of a batch lie once its padding is taken out.

    Behind the last row stand a few that fill up the number of tokens, one token each.

    Attributes:
        real: number of the rows' own tokens.
        tokens: T, with those that fill up.
        starts: (R + 1,) int64, the number of each row's first token, and T, on the CPU.
    """

    def __init__(self, mask: np.ndarray, lengths: np.ndarray) -> None:
        """Prepare for rows.

        Args:
            mask: (B, L) bool, true where there is a token.
            lengths: (B,) tokens, which are the row's first.
        """
        self._shape = mask.shape
        self._places = torch.from_numpy(np.flatnonzero(mask))
        self.real = len(self._places)
        self.tokens = filled_up(self.real)
        fillers = np.arange(self.real, self.tokens) + 1
        self.starts = torch.from_numpy(np.concatenate([[0], lengths.cumsum(), fillers]))

    @classmethod
    def of(cls, attention_mask: torch.Tensor) -> Packing | None:
        """Return what a mask leaves; None where padding comes before a token.

        Args:
            attention_mask: (B, L), 1 where there is a token; on the CPU.
        """
        # In numpy, whose small operations take a fraction of PyTorch's time.
        mask = attention_mask.numpy() != 0
        lengths = mask.sum(1)
        return cls(mask, lengths) if (mask == (np.arange(mask.shape[1]) < lengths[:, None])).all() else None

    def packed(self, ids: torch.Tensor, filler: int) -> torch.Tensor:
        """Return the (T,) ids of (B, L), filled up with ``filler``."""
        found = ids.new_full((self.tokens,), filler)
        torch.index_select(ids.reshape(-1), 0, self._places, out=found[: self.real])
        return found

    def padded(self, states: torch.Tensor) -> torch.Tensor:
        """Return (B, L, H) of (T, H) states, zero where there is padding, with gradient."""
        made: torch.Tensor = _Padded.apply(states, self._places, self._shape)  # type: ignore[no-untyped-call]
        return made


def filled_up(tokens: int) -> int:
    """The number of tokens that so many are filled up to: by at most one in 32, or seven."""
    step = max(_LEAST, (1 << max(0, tokens.bit_length() - 1)) // _PARTS)
    return -(-tokens // step) * step


class _Padded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, places: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.save_for_backward(places)
        ctx.tokens = len(states)
        (rows, tokens), width = shape, states.shape[1]
        padded = states.new_zeros(rows * tokens, width)
        return padded.index_copy_(0, places, states[: len(places)]).view(rows, tokens, width)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (places,) = ctx.saved_tensors
        above = gradients[0].flatten(0, 1)
        found = above.new_empty(ctx.tokens, above.shape[1])
        torch.index_select(above, 0, places, out=found[: len(places)])
        found[len(places) :] = 0
        return found, None, None
