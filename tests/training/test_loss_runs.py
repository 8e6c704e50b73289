"""Losses within whole runs: each learns, is resumed with its modules, and is refused or stopped by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from finesent.data.tables import write_arrow
from finesent.errors import FinesentError
from finesent.params.ablation import Ablation
from finesent.training import loop
from finesent.training.ablation import train_ablation
from finesent.training.losses import LOSSES
from finesent.training.losses.base import LossInputs
from finesent.training.losses.scl import SupervisedContrastive
from finesent.training.progress import Progress
from finesent.training.steps import MicroBatches
from tests.training.helpers import interrupted_before, make_ablation, make_params, make_paths

AFTER_1 = {"policy": "all", "after": 1}


def ablation_with(losses: dict[str, Any], **changes: Any) -> Ablation:
    rates = {"head": 0.02, "backbone": 0.01}
    return make_ablation(**{"losses": losses, "unfreeze": AFTER_1, "learning_rate": rates, **changes})


def train(root: Path, tokens: Path, backbone: Path, ablation: Ablation) -> float:
    """Train seed 0 and return its dev accuracy."""
    outcome = train_ablation("a", ablation, make_params([0]), 5, make_paths(root, tokens, backbone))
    return outcome.dev_accuracy[0]


@pytest.fixture(scope="session")
def rated(tmp_path_factory: pytest.TempPathFactory, tokens: Path) -> Path:
    """The tiny tokens with ratings, in which three of four people agree with the label."""
    folder = tmp_path_factory.mktemp("rated")
    for split in ("train", "dev"):
        table = pq.read_table(tokens / f"{split}.parquet")
        labels = table["label"].to_numpy()
        shares = 0.75 * np.eye(5)[labels] + 0.25 * np.eye(5)[(labels + 1) % 5]
        some = [None if row % 7 == 0 else share for row, share in enumerate(shares.tolist())]
        column = pa.array(some, pa.list_(pa.float64()))
        write_arrow(folder / f"{split}.parquet", table.append_column("soft_label", column))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_learns_alone_or_beside_cross_entropy(
    name: str, tmp_path: Path, rated: Path, backbone: Path
) -> None:
    # The tiny backbone's word embeddings are some 0.08 long, so that fgm's usual step would drown them.
    losses: dict[str, Any] = {name: {"weight": 0.3} | ({"epsilon": 0.05} if name == "fgm" else {})}
    if LOSSES[name].trains_head:
        losses = {"cross-entropy": None, name: {"weight": 1.0}}
    # One word decides the class; chance is 0.2.
    assert train(tmp_path, rated, backbone, ablation_with(losses, epochs=15)) > 0.6
    # A loss's own weights are no part of the model.
    assert not any("losses" in key for key in load_file(tmp_path / "models/a/0/head.safetensors"))


def test_a_losss_own_module_is_resumed_with_the_run(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = ablation_with({"lcl": {"weight": 0.5}}, epochs=4)
    train(tmp_path / "whole", tokens, backbone, ablation)
    for epoch in (2, 4):
        with interrupted_before(epoch):
            train(tmp_path / "parts", tokens, backbone, ablation)
    (state,) = (tmp_path / "parts" / ".work").glob("*/0/epoch-00003")
    assert load_file(state / "weights.safetensors")["head.losses.lcl.weight"].shape == (5, 16)
    train(tmp_path / "parts", tokens, backbone, ablation)
    whole, parts = ((tmp_path / name / "models").rglob("*.safetensors") for name in ("whole", "parts"))
    assert [path.read_bytes() for path in sorted(whole)] == [path.read_bytes() for path in sorted(parts)]


def test_a_losss_module_learns_from_its_seeds_start_and_not_while_the_encoder_is_frozen(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    original = loop.Run._epoch

    def watched(self: loop.Run, epoch: int, progress: Any) -> None:
        original(self, epoch, progress)
        seen.append(next(self.modules["lcl"].parameters()).detach().clone())

    monkeypatch.setattr(loop.Run, "_epoch", watched)
    ablation = ablation_with({"lcl": {"weight": 0.5}}, unfreeze={"policy": "all", "after": 2}, epochs=3)
    for folder in ("one", "two"):
        train(tmp_path / folder, tokens, backbone, ablation)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert all(torch.equal(a, b) for a, b in zip(seen[:3], seen[3:], strict=True))


def test_a_loss_that_is_no_number_stops_the_run_at_its_batch_and_is_named(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    original = SupervisedContrastive.__call__

    def breaks_once(self: SupervisedContrastive, inputs: LossInputs) -> torch.Tensor:
        nonlocal calls
        calls += 1
        # The encoder's first epoch is the second; each has 20 batches.
        return original(self, inputs) * (math.nan if calls == 3 else 1.0)

    monkeypatch.setattr(SupervisedContrastive, "__call__", breaks_once)
    message = r"a seed 0, epoch 2, batch 3 of 20: the loss 'scl' is no longer a number"
    with pytest.raises(FinesentError, match=message):
        train(tmp_path, tokens, backbone, ablation_with({"scl": {"weight": 0.5}}))
    assert calls == 3
    assert not (tmp_path / "models" / "a").exists()
    assert [path.name for path in (tmp_path / ".work").glob("*/0/*")] == ["epoch-00001"]


def test_a_gradient_that_is_no_number_stops_the_run_too(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = MicroBatches.backward

    def spoilt(self: MicroBatches, *arguments: Any) -> torch.Tensor:
        loss = original(self, *arguments)
        (objective,) = (argument for argument in arguments if hasattr(argument, "classifier"))
        objective.classifier.head[1].weight.grad.fill_(math.inf)
        return loss

    monkeypatch.setattr(MicroBatches, "backward", spoilt)
    with pytest.raises(FinesentError, match="epoch 1, batch 1 of 20: the gradient is no longer a number"):
        train(tmp_path, tokens, backbone, ablation_with({}))


def test_soft_labels_are_refused_before_anything_is_trained(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    place = r"params\.yaml: ablations\.a\.losses\.soft-labels: .* no soft labels"
    with pytest.raises(FinesentError, match=place):
        train(tmp_path, tokens, backbone, ablation_with({"soft-labels": {"weight": 1.0}}))
    assert not (tmp_path / ".work").exists()


@pytest.mark.parametrize("class_aware", [False, True])
def test_a_run_tells_of_anchors_without_a_positive_unless_batches_are_class_aware(
    class_aware: bool, tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Progress, "say", staticmethod(said.append))
    batch = {"sentences": 8, "class_aware": class_aware}
    ablation = ablation_with({"scl": {"weight": 0.5}}, batch=batch, epochs=3)
    train(tmp_path, tokens, backbone, ablation)
    if class_aware:
        assert said == []
    else:
        # Two epochs of 160 anchors with an encoder that learns.
        (line,) = said
        assert line.startswith("a seed 0: scl: ") and "of 320 anchors had no positive" in line
