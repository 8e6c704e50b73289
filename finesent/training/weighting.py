"""Weights of rows, for losses that know nothing of them."""

from __future__ import annotations

import torch


def weighted(values: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Return ``values`` unchanged, through which each row's gradient comes back times the row's weight.

    So the gradient of a mean of one term a row is that of the weighted terms over the number of rows: what a
    row counts does not depend on which others are in its batch. A loss that sets rows against each other has
    each row pulled as strongly as it weighs.

    Args:
        values: (B, …).
        weights: (B,); None leaves ``values`` as they are.
    """
    if weights is None:
        return values
    factors = weights.to(values).view(-1, *[1] * (values.dim() - 1))
    fixed = values.detach()
    return fixed + factors * (values - fixed)
