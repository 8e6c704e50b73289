"""What the kernels compute, by PyTorch in float64, given what dropout draws."""

from __future__ import annotations

import torch
from torch.nn import functional

from finesent.kernels.library import Kernels
from finesent.kernels.operations import Dropped

# Heads draw for whole vectors of queries.
WIDTH = 16


def factors(kernels: Kernels, dropped: Dropped, lines: int, width: int) -> torch.Tensor:
    """(lines, width) float64: 0 for what is dropped, else what it is multiplied with."""
    kept = torch.from_numpy(kernels.drawn(dropped.key, lines, width) >= dropped.zeroed).double()
    return kept * 2**16 / (2**16 - dropped.zeroed)


def attention_factors(kernels: Kernels, dropped: Dropped, row: int, heads: int, tokens: int) -> torch.Tensor:
    """(A, L, L) float64 factors of a row's softmax, drawn a line a key."""
    across = -(-tokens // WIDTH) * WIDTH
    drawn = factors(kernels, dropped, (row + 1) * heads, tokens * across)[row * heads :]
    return drawn.view(heads, tokens, across)[..., :tokens].transpose(1, 2)


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    heads: int,
    scaling: float,
    seen: torch.Tensor | None,
    factors: torch.Tensor | float,
) -> torch.Tensor:
    """(L, A D) states of a row's (L, A D) queries, keys and values; (1, 1, L, L) says what is seen."""
    split = [tensor.view(len(tensor), heads, -1).transpose(0, 1) for tensor in (query, key, value)]
    scores = split[0] @ split[1].transpose(1, 2) * scaling
    if seen is not None:
        scores = scores.masked_fill(~seen[0], -torch.inf)
    return (scores.softmax(2) * factors @ split[2]).transpose(0, 1).reshape(query.shape)


def normalised_sum(
    branch: torch.Tensor,
    residual: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    epsilon: float,
    factors: torch.Tensor | float,
) -> torch.Tensor:
    """(N, H) states."""
    return functional.layer_norm(branch * factors + residual, weight.shape, weight, bias, epsilon)
