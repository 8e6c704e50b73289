"""The objective of a batch: rows encoded once, and the same gradient every time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine
from finesent.training.losses import build_losses
from finesent.training.objective import Objective
from tests.training.helpers import make_ablation

ABLATION = make_ablation(losses={"triplet": {"weight": 0.5}}, head={"dropout": 0.0})


class WideEngine(Engine):
    """Gives features of which every row is wide enough for PyTorch to share the work among threads."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), "float32")
        self.features = torch.randn(160, 384, generator=torch.Generator().manual_seed(0)).requires_grad_()
        self.encoded: list[np.ndarray] = []

    def encode(self, classifier: Classifier, split: TokenizedSplit, rows: np.ndarray) -> torch.Tensor:
        self.encoded.append(rows)
        return self.features.index_select(0, torch.from_numpy(rows))

    def classify(self, classifier: Classifier, features: torch.Tensor) -> torch.Tensor:
        return features[:, :5] * 1.0


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def objective(engine: Engine, tokens: Path, backbone: Path) -> Objective:
    split = read_tokens(tokens / "train.parquet")
    # Every anchor has the same two companions, so that their gradients are sums over the whole batch.
    companions = {"triplet": np.tile([150, 151], (len(split), 1))}
    classifier = Classifier(load_encoder(backbone), "mean", ABLATION.head, 5)
    return Objective(engine, classifier, split, build_losses(ABLATION, "test"), companions, None)


def test_repeated_rows_have_the_same_gradient_every_time(
    tokens: Path, backbone: Path, two_threads: None
) -> None:
    engine = WideEngine()
    batch = objective(engine, tokens, backbone)
    gradients = []
    for _ in range(60):
        engine.features.grad = None
        batch(np.arange(96)).backward()
        assert engine.features.grad is not None
        gradients.append(engine.features.grad.clone())
    assert all(torch.equal(gradients[0], gradient) for gradient in gradients)


def test_a_row_goes_through_the_encoder_once(tokens: Path, backbone: Path) -> None:
    engine = WideEngine()
    objective(engine, tokens, backbone)(np.array([5, 150, 7]))
    assert [list(rows) for rows in engine.encoded] == [[5, 7, 150, 151]]


def test_the_objective_is_the_weighted_sum_of_its_losses(tokens: Path, backbone: Path) -> None:
    engine = WideEngine()
    rows = np.array([3, 4, 9, 3])
    value = objective(engine, tokens, backbone)(rows)
    features = engine.features.detach().double()
    labels = read_tokens(tokens / "train.parquet").labels
    expected = 0.0
    for row in rows:
        anchor, positive, negative = features[row], features[150], features[151]
        expected -= float(torch.log_softmax(anchor[:5], dim=0)[labels[row]])
        gap = (anchor - positive).square().sum() - (anchor - negative).square().sum() + 1.0
        expected += 0.5 * max(0.0, float(gap))
    assert float(value.detach()) == pytest.approx(expected / len(rows), rel=1e-5)
