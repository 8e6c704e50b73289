"""Weights of rows against losses that weigh their terms themselves."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from finesent.training.weighting import weighted

ROWS, HIDDEN, CLASSES = 6, 4, 3


def gradients(with_weights: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The value and gradients of cross-entropy plus squared lengths, weighted in one of two ways."""
    torch.manual_seed(0)
    encoder, head = nn.Linear(HIDDEN, HIDDEN).double(), nn.Linear(HIDDEN, CLASSES).double()
    inputs, labels = torch.randn(ROWS, HIDDEN).double(), torch.arange(ROWS) % CLASSES
    weights = torch.tensor([1.0, 0.25, 2.0, 1.0, 0.5, 0.0])
    features = encoder(inputs)
    logits = head(features)
    if with_weights:
        logits, features = weighted(logits, weights), weighted(features, weights)
        loss = functional.cross_entropy(logits, labels) + features.square().sum(dim=1).mean()
    else:
        terms = functional.cross_entropy(logits, labels, reduction="none") + features.square().sum(dim=1)
        loss = (weights.double() * terms).sum() / ROWS
    loss.backward()
    return loss.detach(), [p.grad for p in (*encoder.parameters(), *head.parameters()) if p.grad is not None]


def test_gradients_are_those_of_weighted_terms() -> None:
    (_, ours), (_, theirs) = gradients(True), gradients(False)
    assert len(ours) == 4
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 5)])
def test_values_stay_and_each_row_gets_its_weight(shape: tuple[int, ...], precision: torch.dtype) -> None:
    values = torch.randn(shape, dtype=precision, requires_grad=True)
    result = weighted(values, torch.tensor([1.0, 0.5, 0.0]))
    assert torch.equal(result, values)
    result.sum().backward()
    assert values.grad is not None
    assert values.grad.reshape(3, -1)[:, 0].tolist() == [1.0, 0.5, 0.0]


def test_without_weights_nothing_is_done() -> None:
    values = torch.randn(3, 2, requires_grad=True)
    assert weighted(values, None) is values
