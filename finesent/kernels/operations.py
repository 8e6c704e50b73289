"""The compiled operations on tensors, and their gradients, without autograd."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_void_p
from dataclasses import dataclass

import torch

from finesent.kernels.library import Kernels, Lines, Parts, Shape, Strides, address
from finesent.models.dropout import LEVELS


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
    tensors = (output, sums, means[0], means[1], branch, added, residual, weight, bias)
    kernels["residual", branch.dtype](_lines(branch, epsilon, dropped), *map(address, tensors))
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
    found = NormalisedGradient(
        torch.empty_like(above),
        torch.empty_like(weight),
        torch.empty_like(above),
        torch.empty_like(weight),
        torch.empty_like(weight),
    )
    results = (found.branch, found.added, found.residual, found.weight, found.bias)
    given = (above, more, made.sums, made.means[0], made.means[1], weight)
    # The deviations hold epsilon already.
    lines = _lines(above, 0.0, made.dropped)
    kernels["residual_gradient", above.dtype](lines, *map(address, (*results, *given)))
    return found


def _lines(states: torch.Tensor, epsilon: float, dropped: Dropped) -> object:
    return byref(Lines(*states.shape, epsilon, dropped.zeroed, dropped.key))


@dataclass(frozen=True)
class Heads:
    """What attention is given beside its states.

    Attributes:
        rows: B.
        count: A.
        scaling: of the scores.
        seen: broadcast to (B, A, L, L) bool, alike for all heads; true where a query sees a key.
            None hides nothing.
        dropped: of the softmax, (B, A, L, L).
    """

    rows: int
    count: int
    scaling: float
    seen: torch.Tensor | None
    dropped: Dropped

    def shape(self, states: torch.Tensor) -> object:
        """What the kernel needs to know, for (B L, A D) states."""
        tokens, depth = len(states) // self.rows, states.shape[1] // self.count
        hidden: tuple[int | None, ...] = (None, 0, 0, 0)
        if self.seen is not None:
            spread = self.seen.expand(self.rows, self.count, tokens, tokens)
            hidden = (spread.data_ptr(), spread.stride(0), spread.stride(2), spread.stride(3))
        dropped = self.dropped
        return byref(
            Shape(self.rows, self.count, tokens, depth, self.scaling, *hidden, dropped.zeroed, dropped.key)
        )

    def strides(self, states: torch.Tensor) -> Strides:
        """How the (B, A, L, D) that the kernel knows lie in (B L, A D) states."""
        split = states.view(self.rows, -1, self.count, states.shape[1] // self.count).transpose(1, 2)
        return Strides(*split.stride()[:3])

    def parts(self, states: Sequence[torch.Tensor], bias: torch.Tensor | None) -> object:
        """Queries, keys and values, each (B L, A D) and lying alike, and their (3 A D,) bias."""
        numbers = [part.data_ptr() for part in states]
        biases = [None] * 3 if bias is None else [part.data_ptr() for part in bias.chunk(3)]
        return byref(Parts((c_void_p * 3)(*numbers), (c_void_p * 3)(*biases), self.strides(states[0])))


def attention(
    kernels: Kernels, heads: Heads, parts: Sequence[torch.Tensor], bias: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return contiguous (B L, A D) states, and (2, B A L) float32 of each query, which the gradient needs.

    Args:
        kernels: loaded.
        heads: of the attention.
        parts: queries, keys and values, each (B L, A D), whose lines may lie apart, but alike in all three.
        bias: contiguous (3 A D,), added to the three; None for nothing.
    """
    query = parts[0]
    output = query.new_empty(query.shape)
    softmax = torch.empty(2, len(query) * heads.count)
    kernels["attention", query.dtype](
        heads.shape(query),
        address(output),
        byref(heads.strides(output)),
        *map(address, softmax),
        heads.parts(parts, bias),
    )
    return output, softmax


def attention_gradient(
    kernels: Kernels,
    heads: Heads,
    above: torch.Tensor,
    softmax: torch.Tensor,
    parts: Sequence[torch.Tensor],
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return (B L, 3 A D), the gradients of queries, keys and values side by side, from the output's."""
    query = parts[0]
    results = query.new_empty(len(query), 3 * query.shape[1])
    sides = results.chunk(3, dim=1)
    kernels["attention_gradient", query.dtype](
        heads.shape(query),
        *map(address, sides),
        byref(heads.strides(sides[0])),
        address(above),
        byref(heads.strides(above)),
        *map(address, softmax),
        heads.parts(parts, bias),
    )
    return results
