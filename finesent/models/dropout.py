"""Dropout whose masks cost little on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# A mask is made of 16-bit numbers, four of which come out of one draw of 64 bits.
LEVELS = 1 << 16
# The bits of 1 in bf16.
_ONE = np.uint16(0x3F80)


class Dropout(nn.Module):
    """Zeroes each number with probability p, to the nearest 2^-16, and scales the others by 1 / (1 - p).

    PyTorch's own draws a number for each element, one after the other in a single thread, while the other
    cores wait. Here each mask has a generator of its own, which PyTorch's global one gives its seed. On other
    devices PyTorch's own is used.

    Args:
        p: probability of a zero, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return values of the same shape and type; in eval mode the very same."""
        return dropout(values, self.p) if self.training else values

    def extra_repr(self) -> str:
        """Return p, for printing the model."""
        return f"p={self.p}"


def dropout(values: torch.Tensor, p: float) -> torch.Tensor:
    """What :class:`Dropout` makes of ``values`` in training mode."""
    zeroed = round(p * LEVELS)
    if zeroed == 0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, p)
    dropped: torch.Tensor = _Masked.apply(  # type: ignore[no-untyped-call]
        values, _mask(values, zeroed), LEVELS / (LEVELS - zeroed)
    )
    return dropped


class _Masked(torch.autograd.Function):
    """``values · mask · scale`` in one pass over memory, both ways.

    That scales in float32: a mask of 1 / (1 - p) in bf16 would be wrong by up to 0.2 % everywhere.
    """

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, mask: torch.Tensor, scale: float) -> torch.Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return _scaled(values, mask, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return _scaled(gradients[0], mask, ctx.scale), None, None


def _scaled(values: torch.Tensor, mask: torch.Tensor, scale: float) -> torch.Tensor:
    return torch.addcmul(values.new_zeros(()), values, mask, value=scale)


def _mask(values: torch.Tensor, zeroed: int) -> torch.Tensor:
    """Return a mask of zeros and ones of the values' shape and type."""
    count, seed = values.numel(), int(torch.randint(1 << 62, ()))
    drawn = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.uint16)[:count]
    kept = drawn >= zeroed
    if values.dtype != torch.bfloat16:
        return torch.from_numpy(kept).to(values.dtype).view(values.shape)
    # NumPy has no bf16, and PyTorch is slow to make it of bools.
    return torch.from_numpy(np.multiply(kept, _ONE)).view(torch.bfloat16).view(values.shape)


def use_cheap_dropout(module: nn.Module) -> None:
    """Put :class:`Dropout` in the place of every ``nn.Dropout`` inside a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p).train(child.training))
