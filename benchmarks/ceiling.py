"""How many operations a second this machine's matrix products reach at best: the ceiling of any training.

Measured in the process whose share of it is wanted, so that threads and the machine's state are the same.
"""

from __future__ import annotations

import time

import torch

_SIDE, _REPEATS = 2048, 10


def ceiling(side: int = _SIDE, repeats: int = _REPEATS, dtype: torch.dtype = torch.bfloat16) -> float:
    """Return floating-point operations a second of the fastest of some products of two square matrices.

    The fastest, because whatever else the machine does can only slow a product down.

    Args:
        side: n; a product of two (n, n) matrices takes 2 n³ operations.
        repeats: products that are timed, after two that are not.
        dtype: of both matrices.
    """
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(side, side, generator=generator).to(dtype) for _ in range(2))
    result = torch.empty(side, side, dtype=dtype)
    times = []
    with torch.no_grad():
        for number in range(repeats + 2):
            started = time.perf_counter()
            torch.mm(first, second, out=result)
            if number >= 2:
                times.append(time.perf_counter() - started)
    return 2 * side**3 / min(times)


def training_operations(weights: int, tokens: int) -> int:
    """Return the operations that training needs for so many tokens: 6 a weight and token.

    Two for the forward pass and four for the backward pass, as Kaplan et al. (2020), "Scaling Laws for
    Neural Language Models", section 2.1, count them. Embeddings are looked up and not multiplied, and the
    attention's products of tokens with tokens are left out.

    Args:
        weights: of the encoder, without its embeddings.
        tokens: real ones; padding is work that nobody needs.
    """
    return 6 * weights * tokens
