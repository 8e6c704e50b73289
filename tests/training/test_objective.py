"""The objective of a batch: rows encoded once, and the same gradient every time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine
from finesent.models.heads import initialise
from finesent.training.adversarial import ascent
from finesent.training.losses import Loss, LossParams, build_losses
from finesent.training.losses.base import LossInputs
from finesent.training.objective import Objective
from tests.training.helpers import make_ablation

ABLATION = make_ablation(
    losses={"triplet": {"weight": 0.5}}, head={"dropout": 0.0}, unfreeze={"policy": "all", "after": 0}
)


class WideEngine(Engine):
    """Gives features of which every row is wide enough for PyTorch to share the work among threads."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), "float32")
        self.features = torch.randn(160, 384, generator=torch.Generator().manual_seed(0)).requires_grad_()
        self.encoded: list[np.ndarray] = []

    def encode(
        self,
        classifier: Classifier,
        split: TokenizedSplit,
        rows: np.ndarray,
        weights: None = None,
        prefix: None = None,
    ) -> torch.Tensor:
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
    assert sorted(np.concatenate(engine.encoded)) == [5, 7, 150, 151]


def test_passes_by_length_give_the_gradient_of_one_pass(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"triplet": {"weight": 0.5}})
    generator = np.random.default_rng(0)
    made.companions["triplet"] = generator.integers(len(made.split), size=(len(made.split), 2))
    rows = np.arange(12)
    gradients, passes = [], []
    for tokens_of_a_pass in (0.0, math.inf):
        encoded: list[np.ndarray] = []

        class Watched(Engine):
            def pass_tokens(self, encoder: Any, tokens: float = tokens_of_a_pass) -> float:
                return tokens

            def encode(self, *args: Any, into: list[np.ndarray] = encoded, **others: Any) -> torch.Tensor:
                into.append(args[2])
                return super().encode(*args, **others)

        made.engine = Watched(torch.device("cpu"), "float32")
        gradients.append(gradient_of(made, rows))
        passes.append(encoded)
    several, one = gradients
    assert [len(passes[0]), len(passes[1])] == [8, 1]
    lengths = [made.split.lengths[part] for part in passes[0]]
    assert all(shorter.max() <= longer.min() for shorter, longer in pairwise(lengths))
    assert one.keys() == several.keys()
    for name, gradient in one.items():
        torch.testing.assert_close(several[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


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


def still(tokens: Path, backbone: Path, losses: dict[str, Any], **changes: Any) -> Objective:
    """An objective whose encoder learns, without any dropout."""
    ablation = make_ablation(losses=losses, head={"dropout": 0.0}, unfreeze=ABLATION.unfreeze.model_dump())
    classifier = Classifier(load_encoder(backbone), "mean", ablation.head, 5)
    initialise(classifier.head, torch.Generator().manual_seed(0), spread=0.3)
    classifier.set_depth(3)
    for module in classifier.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    classifier.encoder.eval()
    built = build_losses(ablation, "test")
    split = replace(read_tokens(tokens / "train.parquet"), **changes)
    return Objective(Engine(torch.device("cpu"), "float32"), classifier, split, built, {}, None)


def gradient_of(made: Objective, rows: np.ndarray) -> dict[str, torch.Tensor]:
    made.classifier.zero_grad()
    made(rows).backward()
    named = made.classifier.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def test_fgm_is_the_cross_entropy_at_embeddings_moved_by_hand(tokens: Path, backbone: Path) -> None:
    rows, epsilon = np.array([9, 2, 30]), 0.7
    made = still(tokens, backbone, {"fgm": {"weight": 0.5, "epsilon": epsilon}})
    value = float(made(rows).detach())
    encoder, head = made.classifier.encoder, made.classifier.head
    expected = 0.0
    for row in rows:
        # One sentence at a time and from its own embeddings, so that nothing of the batch is shared.
        ids, mask = (torch.from_numpy(part) for part in made.split.padded(np.array([row])))
        label = torch.tensor([made.split.labels[row]])
        embedded = encoder.get_input_embeddings()(ids).detach().requires_grad_()

        def entropy(at: torch.Tensor, mask: torch.Tensor = mask, label: torch.Tensor = label) -> torch.Tensor:
            states = encoder(inputs_embeds=at, attention_mask=mask).last_hidden_state
            return functional.cross_entropy(head(states.mean(dim=1)), label)

        clean = entropy(embedded)
        (gradient,) = torch.autograd.grad(clean, embedded)
        after = entropy(embedded + epsilon * gradient / gradient.square().sum().sqrt())
        assert float(after) > float(clean)
        expected += float(clean) + 0.5 * float(after)
    assert value == pytest.approx(expected / 3, rel=1e-5)


def test_fgm_moves_the_embeddings_of_a_single_pass(tokens: Path, backbone: Path) -> None:
    rows, values = np.arange(6), []
    for losses in ({"fgm": {"weight": 1.0}}, {"fgm": {"weight": 1.0}, "triplet": {"weight": 0.2}}):
        made = still(tokens, backbone, losses)
        if "triplet" in losses:
            made.companions["triplet"] = np.tile([40, 150], (len(made.split), 1))
        made(rows)
        values.append(float(made.terms["fgm"]))
    # Which companions have no part in.
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_fgm_leaves_no_hook_behind_and_moves_no_weight(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"fgm": {"weight": 1.0}})
    before = {name: value.clone() for name, value in made.classifier.state_dict().items()}
    made(np.array([1, 2])).backward()
    assert not made.classifier.encoder.get_input_embeddings()._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in made.classifier.state_dict().items())


def test_fgm_works_above_frozen_embeddings(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"fgm": {"weight": 1.0, "epsilon": 2.0}})
    everything = float(made(np.arange(4)).detach())
    made.classifier.set_depth(1)
    made.classifier.encoder.eval()
    assert float(made(np.arange(4)).detach()) == pytest.approx(everything, rel=1e-5)
    gradients = gradient_of(made, np.arange(4))
    assert any(name.startswith("encoder.") for name in gradients)
    assert not any("embeddings" in name for name in gradients)


def test_a_row_that_the_value_does_not_depend_on_is_not_moved() -> None:
    embedded = torch.randn(3, 2, 4, requires_grad=True)
    step = ascent((embedded[0] * 1e-30).sum() + embedded[2].sum(), embedded, length=3.0)
    assert step.norm(dim=(1, 2)).tolist() == pytest.approx([3.0, 0.0, 3.0])


def test_without_dropout_both_views_agree(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"r-drop": {"weight": 1.0}})
    made(np.arange(8))
    assert float(made.terms["r-drop"]) == pytest.approx(0, abs=1e-6)


def test_with_dropout_the_views_differ_also_on_cached_features(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"r-drop": {"weight": 1.0}})
    made.classifier.head[0].p = 0.5
    made(np.arange(8))
    assert float(made.terms["r-drop"]) > 1e-4
    made.cached = torch.randn(len(made.split), 16)
    made.terms.clear()
    made(np.arange(8))
    assert float(made.terms["r-drop"]) > 1e-4


def test_the_second_view_is_encoded_only_where_a_loss_asks(tokens: Path, backbone: Path) -> None:
    engine = WideEngine()
    objective(engine, tokens, backbone)(np.array([1, 2]))
    assert sum(map(len, engine.encoded)) == 4
    made = still(tokens, backbone, {"scl": {"weight": 1.0, "second_view": True}})
    made.engine = second = WideEngine()
    made(np.array([4, 2]))
    assert [sorted(rows) for rows in second.encoded] == [[2, 4], [2, 4]]


def test_soft_labels_are_those_of_the_rows(tokens: Path, backbone: Path) -> None:
    losses = {"soft-labels": {"weight": 1.0}, "cross-entropy": None}
    shares = np.eye(5, dtype=np.float32)[np.arange(160) % 3]
    made = still(tokens, backbone, losses, soft_labels=shares)
    rows = np.array([7, 2, 5])
    value = float(made(rows).detach())
    ids, mask = (torch.from_numpy(part) for part in made.split.padded(rows))
    with torch.no_grad():
        expected = functional.cross_entropy(made.classifier(ids, mask), torch.from_numpy(rows % 3))
    assert value == pytest.approx(float(expected), rel=1e-5)


def test_the_losses_that_broke_are_named(tokens: Path, backbone: Path) -> None:
    made = still(tokens, backbone, {"scl": {"weight": 1.0}, "emd": {"weight": 1.0}})
    made(np.arange(8))
    assert made.broken() == []
    made.losses["scl"] = Broken(LossParams(weight=1.0))
    made(np.arange(8))
    made(np.arange(8))
    assert made.broken() == ["scl"]


class Broken(Loss):
    """Is no number."""

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        return inputs.logits.sum() * torch.nan


@pytest.mark.parametrize("loss", ["cross-entropy", "triplet", "fgm"])
def test_each_rows_gradient_counts_by_its_weight(loss: str, tokens: Path, backbone: Path) -> None:
    rows, weights = np.array([3, 4, 9, 30]), np.ones(160, dtype=np.float32)
    weights[rows] = [1.0, 0.25, 3.0, 0.5]
    losses = {"cross-entropy": {"weight": 1.0}, loss: {"weight": 0.5}}
    weighed, plain = (still(tokens, backbone, losses, weights=given) for given in (weights, None))
    if loss == "triplet":
        for made in (weighed, plain):
            made.companions = {"triplet": np.tile([150, 151], (160, 1))}
    found = gradient_of(weighed, rows)
    singly = [gradient_of(plain, np.array([row])) for row in rows]
    for name, gradient in found.items():
        terms = [weights[row] * single[name] for row, single in zip(rows, singly, strict=True)]
        torch.testing.assert_close(gradient, torch.stack(terms).mean(dim=0), rtol=1e-3, atol=2e-6, msg=name)
    assert float(weighed(rows).detach()) == pytest.approx(float(plain(rows).detach()), rel=1e-5)
