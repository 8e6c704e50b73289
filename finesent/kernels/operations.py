"""The compiled operations on tensors, and their gradients, without autograd."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass

import torch

from finesent.kernels.library import Kernels, Lines, Shape, address, strided
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


def gelu(kernels: Kernels, values: torch.Tensor, slopes: torch.Tensor | None = None) -> torch.Tensor:
    """Return ``x Φ(x)`` of contiguous values, and put its slope at each into ``slopes``."""
    output = torch.empty_like(values)
    kernels["gelu", values.dtype](address(output), address(slopes), address(values), values.numel())
    return output


@dataclass(frozen=True)
class Normalised:
    """What the gradient of ``LayerNorm(residual + dropout(branch))`` needs, of (N, H) states.

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
    residual: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    epsilon: float,
    dropped: Dropped,
    keep: bool = True,
) -> tuple[torch.Tensor, Normalised]:
    """Return ``LayerNorm(residual + dropout(branch))``, all of one type, and what its gradient needs.

    Args:
        kernels: loaded.
        branch: contiguous (N, H).
        residual: contiguous (N, H).
        weight: (H,) of the normalisation.
        bias: (H,).
        epsilon: added to the variance.
        dropped: of the branch.
        keep: whether a gradient is wanted.
    """
    output, sums = torch.empty_like(branch), torch.empty_like(branch) if keep else None
    means = torch.empty(2, len(branch))
    tensors = (output, sums, means[0], means[1], branch, residual, weight, bias)
    kernels["residual", branch.dtype](_lines(branch, epsilon, dropped), *map(address, tensors))
    return output, Normalised(sums, means, dropped)


def normalised_sum_gradient(
    kernels: Kernels, above: torch.Tensor, made: Normalised, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of branch, residual, weight and bias, from the output's, which is contiguous."""
    to_branch, to_residual = torch.empty_like(above), torch.empty_like(above)
    to_weight, to_bias = torch.empty_like(weight), torch.empty_like(weight)
    means = made.means
    tensors = (to_branch, to_residual, to_weight, to_bias, above, made.sums, means[0], means[1], weight)
    # The deviations hold epsilon already.
    kernels["residual_gradient", above.dtype](_lines(above, 0.0, made.dropped), *map(address, tensors))
    return to_branch, to_residual, to_weight, to_bias


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

    def split(self, states: torch.Tensor) -> tuple[int, object]:
        """(B L, A D) states as the (B, A, L, D) that the kernel reads."""
        return strided(states.view(self.rows, -1, self.count, states.shape[1] // self.count).transpose(1, 2))


def attention(
    kernels: Kernels, heads: Heads, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (B L, A D) states, and (2, B A L) float32 of each query, which the gradient needs.

    Args:
        kernels: loaded.
        heads: of the attention.
        query: contiguous (B L, A D).
        key: the same.
        value: the same.
    """
    output = torch.empty_like(query)
    softmax = torch.empty(2, len(query) * heads.count)
    states = [part for tensor in (query, key, value) for part in heads.split(tensor)]
    kernels["attention", query.dtype](
        heads.shape(query), address(output), address(softmax[0]), address(softmax[1]), *states
    )
    return output, softmax


def attention_gradient(
    kernels: Kernels,
    heads: Heads,
    above: torch.Tensor,
    softmax: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
) -> list[torch.Tensor]:
    """Return the gradients of query, key and value, from the contiguous (B L, A D) output's."""
    results = [torch.empty_like(query) for _ in range(3)]
    states = [part for tensor in (query, key, value) for part in heads.split(tensor)]
    kernels["attention_gradient", query.dtype](
        heads.shape(query), *map(address, results), *heads.split(above), *map(address, softmax), *states
    )
    return results
