"""Dropout whose masks cost little on a CPU."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# A mask is made of 16-bit numbers, four of which come out of one draw of 64 bits.
_LEVELS = 1 << 16


class Dropout(nn.Module):
    """Zeroes each number with probability p, to the nearest 2^-16, and scales the others by 1 / (1 - p).

    PyTorch's own draws a number for each element, one after the other in a single thread, while the other
    cores wait. Both draw from PyTorch's global generator. On other devices PyTorch's
    own is used.

    Args:
        p: probability of a zero, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._zeroed = round(p * _LEVELS)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return values of the same shape and type; in eval mode the very same."""
        if not self.training or self._zeroed == 0:
            return values
        if values.device.type != "cpu":
            return functional.dropout(values, self.p)
        # Scaled last: a mask of 1 / (1 - p) in bf16 would be wrong by up to 0.2 % everywhere.
        return values * self._kept(values.shape) * (_LEVELS / (_LEVELS - self._zeroed))

    def extra_repr(self) -> str:
        """Return p, for printing the model."""
        return f"p={self.p}"

    def _kept(self, shape: torch.Size) -> torch.Tensor:
        count = shape.numel()
        drawn = torch.empty(-(-count // 4), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
        # Seen as signed, the numbers begin at -32768.
        return (drawn.view(torch.int16)[:count] >= self._zeroed - _LEVELS // 2).view(shape)


def use_cheap_dropout(module: nn.Module) -> None:
    """Put :class:`Dropout` in the place of every ``nn.Dropout`` inside a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p).train(child.training))
