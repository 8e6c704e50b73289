"""The compiled operations on tensors, and their gradients, without autograd."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_void_p
from dataclasses import dataclass

import torch

from finesent.kernels.library import Kernels, Lines, Parts, Shape, Strides, address, addresses
from finesent.models.dropout import LEVELS

# Queries, keys and values, side by side in (T, 3 A D) states, or three times (T, A D); all lie alike, and
# each line's states are neighbours.
Parted = torch.Tensor | Sequence[torch.Tensor]


@dataclass(frozen=True)
class Dropped:
    """Which numbers become zero; the others are scaled up.

    Attributes:
        zeroed: of 2^16 numbers; 0 for none.
        key: of the draws.
    """

    zeroed: int
    key: int

    @classmethod
    def of(cls, p: float) -> Dropped:
        """Each with probability p, to the nearest 2^-16; PyTorch's generator gives the key."""
        zeroed = round(p * LEVELS)
        return cls(zeroed, int(torch.randint(1 << 62, ())) if zeroed else 0)


def gelu(
    kernels: Kernels,
    values: torch.Tensor,
    bias: torch.Tensor | None = None,
    slopes: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return ``x Φ(x)`` of each ``x = values + bias``, and put its slope there into ``slopes``.

    Args:
        kernels: loaded.
        values: contiguous (N, W).
        bias: contiguous (W,).
        slopes: contiguous (N, W).
    """
    output = torch.empty_like(values)
    tensors = (output, slopes, values, bias)
    kernels["gelu", values.dtype](*map(address, tensors), *values.shape)
    return output


def gelu_gradient(kernels: Kernels, above: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Turn the output's gradient into that of the values, in place; return the bias's (W,)."""
    to_bias = above.new_empty(above.shape[1])
    kernels["gelu_gradient", above.dtype](*map(address, (above, to_bias, slopes)), *above.shape)
    return to_bias


@dataclass(frozen=True)
class Normalised:
    """What the gradient of ``LayerNorm(residual + dropout(branch + added))`` needs, of (N, H) states.

    Attributes:
        sums: (N, H) what was normalised; None where no gradient is wanted.
        means: (2, N) float32, each line's mean and the inverse of its deviation.
        dropped: of the branch.
    """

    sums: torch.Tensor | None
    means: torch.Tensor
    dropped: Dropped


def normalised_sum(
    kernels: Kernels,
    branch: torch.Tensor,
    added: torch.Tensor | None,
    residual: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    epsilon: float,
    dropped: Dropped,
    keep: bool = True,
) -> tuple[torch.Tensor, Normalised]:
    """Return ``LayerNorm(residual + dropout(branch + added))``, all of one type, and what its gradient needs.

    Args:
        kernels: loaded.
        branch: contiguous (N, H).
        added: (H,); None for nothing.
        residual: contiguous (N, H).
        weight: (H,) of the normalisation.
        bias: (H,) of the normalisation.
        epsilon: added to the variance.
        dropped: of the branch.
        keep: whether a gradient is wanted.
    """
    output, sums = torch.empty_like(branch), torch.empty_like(branch) if keep else None
    means = torch.empty(2, len(branch))
    made, given = (output, sums), (branch, added, residual, weight, bias)
    kernels["residual", branch.dtype](
        _lines(branch, epsilon, dropped), *map(address, made), *addresses(means), *map(address, given)
    )
    return output, Normalised(sums, means, dropped)


@dataclass(frozen=True)
class NormalisedGradient:
    """Of what a normalised sum was made of, as :func:`normalised_sum` names and shapes it."""

    branch: torch.Tensor
    added: torch.Tensor
    residual: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor


def normalised_sum_gradient(
    kernels: Kernels,
    above: torch.Tensor,
    made: Normalised,
    weight: torch.Tensor,
    more: torch.Tensor | None = None,
) -> NormalisedGradient:
    """Return the gradients, from the output's, which is contiguous and may come as a sum of two."""
    branch, residual = torch.empty_like(above), torch.empty_like(above)
    added, of_weight, of_bias = (torch.empty_like(weight) for _ in range(3))
    # The deviations hold epsilon already.
    lines = _lines(above, 0.0, made.dropped)
    results, given = (branch, added, residual, of_weight, of_bias), (above, more, made.sums)
    kernels["residual_gradient", above.dtype](
        lines, *map(address, (*results, *given)), *addresses(made.means), address(weight)
    )
    return NormalisedGradient(*results)


def _lines(states: torch.Tensor, epsilon: float, dropped: Dropped) -> object:
    return byref(Lines(*states.shape, epsilon, dropped.zeroed, dropped.key))


@dataclass(frozen=True)
class Heads:
    """What attention is given beside its states, of T tokens of B rows, one behind the other.

    Attributes:
        starts: (B + 1,) int64, the number of each row's first token, and T.
        count: A.
        scaling: of the scores.
        seen: broadcast to (B, A, L, L) bool, alike for all heads; true where a query sees a key of its row.
            None hides nothing. No row has more than L tokens.
        dropped: of the softmax.
    """

    starts: torch.Tensor
    count: int
    scaling: float
    seen: torch.Tensor | None
    dropped: Dropped

    def shape(self, width: int) -> object:
        """What the kernel needs to know, for (T, A D) states."""
        rows = len(self.starts) - 1
        hidden: tuple[int | None, ...] = (None, 0, 0, 0)
        if self.seen is not None:
            tokens = self.seen.shape[3]
            spread = self.seen.expand(rows, self.count, tokens, tokens)
            hidden = (spread.data_ptr(), spread.stride(0), spread.stride(2), spread.stride(3))
        dropped, starts = self.dropped, self.starts.data_ptr()
        sizes = rows, self.count, width // self.count
        return byref(Shape(*sizes, starts, self.scaling, *hidden, dropped.zeroed, dropped.key))

    def strides(self, width: int, apart: int) -> Strides:
        """How heads and tokens lie in (T, A D) states, whose lines lie ``apart``."""
        return Strides(width // self.count, apart)

    def parts(self, states: Parted, bias: torch.Tensor | None) -> object:
        """Queries, keys and values, lying alike, and their (3 A D,) bias."""
        numbers = (
            _thirds(states) if isinstance(states, torch.Tensor) else [part.data_ptr() for part in states]
        )
        biases = [None] * 3 if bias is None else _thirds(bias)
        strides = self.strides(_width(states), _first(states).stride(0))
        return byref(Parts((c_void_p * 3)(*numbers), (c_void_p * 3)(*biases), strides))


def _first(states: Parted) -> torch.Tensor:
    return states if isinstance(states, torch.Tensor) else states[0]


def _width(states: Parted) -> int:
    """A D."""
    return states.shape[1] // 3 if isinstance(states, torch.Tensor) else states[0].shape[1]


def _thirds(tensor: torch.Tensor) -> list[int]:
    """Where each third of a tensor's lines, or of its only one, begins."""
    start, size = tensor.data_ptr(), tensor.shape[-1] // 3 * tensor.element_size()
    return [start, start + size, start + 2 * size]


def attention(
    kernels: Kernels, heads: Heads, parts: Parted, bias: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return contiguous (T, A D) states, and (2, A T) float32 of each query, which the gradient needs.

    Args:
        kernels: loaded.
        heads: of the attention.
        parts: queries, keys and values.
        bias: contiguous (3 A D,), added to the three; None for nothing.
    """
    first, width = _first(parts), _width(parts)
    output = first.new_empty(len(first), width)
    softmax = torch.empty(2, len(first) * heads.count)
    kernels["attention", first.dtype](
        heads.shape(width),
        address(output),
        byref(heads.strides(width, width)),
        *addresses(softmax),
        heads.parts(parts, bias),
    )
    return output, softmax


def attention_gradient(
    kernels: Kernels,
    heads: Heads,
    above: torch.Tensor,
    softmax: torch.Tensor,
    parts: Parted,
    bias: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return, from the output's, the gradients of queries, keys and values, side by side.

    Returns:
        (T, 3 A D), and the (3 A D,) sums over its lines: the bias's.
    """
    width = _width(parts)
    results, to_bias = above.new_empty(len(above), 3 * width), above.new_empty(3 * width)
    kernels["attention_gradient", above.dtype](
        heads.shape(width),
        *_thirds(results),
        byref(heads.strides(width, 3 * width)),
        *map(address, (to_bias, above)),
        byref(heads.strides(width, width)),
        *addresses(softmax),
        heads.parts(parts, bias),
    )
    return results, to_bias
