"""What the loop notices in its own steps: a loss that is no number, and how many sentences were right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from finesent.data.tokens import read_tokens
from finesent.errors import FinesentError
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.saving import load_classifier
from finesent.training.losses.base import LossInputs
from finesent.training.losses.cross_entropy import CrossEntropy
from finesent.training.optimizer import Optimizer
from tests.training.helpers import hashes, history, make_ablation, train

# 160 sentences in batches of 8.
STEPS = 20


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_loss_stops_at_its_step_and_a_mended_run_goes_on(
    value: float, tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablation = make_ablation(epochs=3)
    train(tmp_path / "whole", tokens, backbone, ablation, [4])
    calls, steps = 0, 0
    loss_of, step_of = CrossEntropy.__call__, Optimizer.step

    def broken(self: CrossEntropy, inputs: LossInputs) -> torch.Tensor:
        nonlocal calls
        calls += 1
        loss = loss_of(self, inputs)
        return loss * value if calls == STEPS + 7 else loss

    def counted(self: Optimizer) -> None:
        nonlocal steps
        steps += 1
        step_of(self)

    monkeypatch.setattr(CrossEntropy, "__call__", broken)
    monkeypatch.setattr(Optimizer, "step", counted)
    root = tmp_path / "broken"
    with pytest.raises(FinesentError, match="the loss 'cross-entropy' is no longer") as caught:
        train(root, tokens, backbone, ablation, [4])
    assert caught.value.place == f"a seed 4, epoch 2, batch 7 of {STEPS}"
    assert (calls, steps) == (STEPS + 7, STEPS + 6)
    assert [path.name for path in (root / ".work").glob("*/4/epoch-*")] == ["epoch-00001"]
    assert not (root / "models" / "a").exists()
    train(root, tokens, backbone, ablation, [4])
    assert hashes(root / "models") == hashes(tmp_path / "whole" / "models")


def test_a_gradient_that_is_no_number_stops_too(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss_of = CrossEntropy.__call__

    def steep(self: CrossEntropy, inputs: LossInputs) -> torch.Tensor:
        # Zero in value; its slope is without bound.
        return loss_of(self, inputs) + (inputs.logits - inputs.logits.detach()).abs().sum().sqrt()

    monkeypatch.setattr(CrossEntropy, "__call__", steep)
    with pytest.raises(FinesentError, match=r"epoch 1, batch 1 of \d+: the gradient is no longer"):
        train(tmp_path, tokens, backbone, make_ablation(), [0])


@pytest.mark.parametrize("micro_batch", [None, 3])
@pytest.mark.parametrize("policy", [{"policy": "never"}, {"policy": "all", "after": 0}])
def test_train_accuracy_is_that_of_the_model_on_train(
    micro_batch: int | None, policy: dict[str, object], tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    # A frozen model in all but name, whose training passes are the same as scoring passes.
    still = make_ablation(
        epochs=1,
        unfreeze=policy,
        head={"dropout": 0.0},
        learning_rate={"head": 1e-12, "backbone": 1e-12},
        weight_decay=0.0,
    )
    dropout_free = tmp_path / "backbone"
    dropout_free.mkdir()
    for file in backbone.iterdir():
        text = file.read_bytes().replace(b'dropout_prob": 0.1', b'dropout_prob": 0.0')
        (dropout_free / file.name).write_bytes(text)
    train(tmp_path, tokens, dropout_free, still, [2], micro_batch=micro_batch)
    split, engine = read_tokens(tokens / "train.parquet"), Engine(torch.device("cpu"), "float32")
    classifier, _ = load_classifier(tmp_path / "models" / "a" / "2")
    logits = all_logits(engine, classifier, all_features(engine, classifier, split))
    expected = float(np.mean(logits.argmax(axis=1) == split.labels))
    assert float(history(tmp_path)[0]["train_accuracy"]) == expected


def test_train_accuracy_is_measured_afresh_each_epoch(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = make_ablation(epochs=8, learning_rate={"head": 0.05}, unfreeze={"policy": "all", "after": 1})
    train(tmp_path, tokens, backbone, ablation, [0])
    found = [float(row["train_accuracy"]) for row in history(tmp_path)]
    # Chance is 0.2, and one word decides the class.
    assert found[0] < 0.6
    assert found[-1] > 0.8
