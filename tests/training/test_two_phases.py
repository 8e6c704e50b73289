"""An encoder that learns first, towards one loss, and a head that then learns on its frozen features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finesent.data.tokens import read_tokens
from finesent.errors import FinesentError
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine
from finesent.models.saving import load_classifier
from finesent.training import loop
from finesent.training.losses import build_losses
from tests.training.helpers import (
    assert_scored_as_kept,
    hashes,
    history,
    interrupted_before,
    make_ablation,
    timeless,
    train,
)

FIRST_SCL = [
    {"losses": ["scl"], "epochs": 3},
    {"losses": ["cross-entropy"], "frozen": True, "epochs": 6},
]
BOTH = {"scl": {"weight": 1.0, "second_view": True}, "cross-entropy": {"weight": 1.0}}
SETTINGS: dict[str, Any] = {
    "losses": BOTH,
    "phases": FIRST_SCL,
    "epochs": 9,
    "unfreeze": {"policy": "all", "after": 0},
    "learning_rate": {"head": 0.05, "backbone": 0.01},
    "schedule": {"shape": "constant"},
}
TWO_PHASES = make_ablation(**SETTINGS)

Snapshots = dict[int, dict[str, torch.Tensor]]


@pytest.fixture
def after_each_epoch(monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    """Fills with the classifier's weights after each epoch."""
    taken: Snapshots = {}
    original = loop.Run._epoch

    def watched(run: loop.Run, epoch: int, progress: Any) -> None:
        original(run, epoch, progress)
        taken[epoch] = {name: p.detach().clone() for name, p in run.classifier.named_parameters()}

    monkeypatch.setattr(loop.Run, "_epoch", watched)
    return taken


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """Whether ``encoder`` and ``head`` moved."""
    return {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}


def test_one_part_learns_in_each_phase(
    tmp_path: Path, tokens: Path, backbone: Path, after_each_epoch: Snapshots
) -> None:
    outcome = train(tmp_path, tokens, backbone, TWO_PHASES, [0, 1, 2, 3])
    weights = after_each_epoch
    assert [moved(weights[epoch], weights[epoch + 1]) for epoch in range(1, 9)] == [
        {"encoder"},
        {"encoder"},
        *[{"head"}] * 6,
    ]
    fresh = dict(load_encoder(backbone).named_parameters())
    assert any(not torch.equal(fresh[n], weights[1][f"encoder.{n}"]) for n in fresh)
    # One word decides the class, and chance is 0.2: the encoder learnt to tell them apart without any head.
    # One seed's 25 dev rows say little, and an encoder of 16 dimensions may end anywhere from 0.4 to 0.9.
    assert np.mean(list(outcome.dev_accuracy.values())) > 0.45
    assert outcome.collapsed == []


def test_the_kept_model_is_the_learnt_encoder_under_the_kept_head(
    tmp_path: Path, tokens: Path, backbone: Path, after_each_epoch: Snapshots
) -> None:
    train(tmp_path, tokens, backbone, TWO_PHASES, [0])
    best = next(int(row["epoch"]) for row in history(tmp_path) if row["selected"] == "1")
    # Scores of the first three epochs are those of a random head, and are no candidates.
    assert best > 3
    kept, _ = load_classifier(tmp_path / "models" / "a" / "0")
    assert moved(dict(kept.named_parameters()), after_each_epoch[best]) == set()
    assert_scored_as_kept(tmp_path / "models" / "a" / "0", tokens)


def test_a_luckier_random_head_is_not_kept(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.9, 0.9, 0.9, 0.2, 0.3, 0.25, 0.2, 0.2, 0.2])
    monkeypatch.setattr(loop, "dev_scores", lambda *_: loop.DevScores(1.0, next(scores), 0.0))
    train(tmp_path, tokens, backbone, TWO_PHASES, [0])
    assert [int(row["epoch"]) for row in history(tmp_path) if row["selected"] == "1"] == [5]


def test_the_frozen_phase_encodes_each_row_once(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    original: Callable[..., torch.Tensor] = Engine.encode

    def counting(
        self: Engine, classifier: Any, split: Any, rows: np.ndarray, *more: Any, **named: Any
    ) -> torch.Tensor:
        encoded.append(len(rows))
        return original(self, classifier, split, rows, *more, **named)

    monkeypatch.setattr(Engine, "encode", counting)
    train(tmp_path, tokens, backbone, TWO_PHASES, [0])
    rows = {split: len(read_tokens(tokens / f"{split}.parquet")) for split in ("train", "dev")}
    # Two views of train and a look at dev in each of three epochs, then all of it once.
    assert sum(encoded) == 3 * (2 * rows["train"] + rows["dev"]) + rows["train"] + rows["dev"]


def test_two_seeds_do_not_share_what_each_encoder_learnt(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    train(tmp_path / "both", tokens, backbone, TWO_PHASES, [0, 1])
    train(tmp_path / "second", tokens, backbone, TWO_PHASES, [1])
    both, second = hashes(tmp_path / "both/models/a/1"), hashes(tmp_path / "second/models/a/1")
    assert both == second


@pytest.mark.parametrize("after", [2, 3, 5])
def test_resuming_in_either_phase_changes_no_byte(
    after: int, tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    train(tmp_path / "whole", tokens, backbone, TWO_PHASES, [0])
    with interrupted_before(after + 1):
        train(tmp_path / "parts", tokens, backbone, TWO_PHASES, [0])
    train(tmp_path / "parts", tokens, backbone, TWO_PHASES, [0])
    assert hashes(tmp_path / "parts" / "models") == hashes(tmp_path / "whole" / "models")
    assert timeless(tmp_path / "parts") == timeless(tmp_path / "whole")


def test_an_encoder_that_goes_on_after_a_frozen_phase_forgets_its_features(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    head, everything = {"frozen": True, "epochs": 1}, {"epochs": 1}
    ablation = make_ablation(**{**SETTINGS, "phases": [everything, head, everything, head], "epochs": 4})
    train(tmp_path, tokens, backbone, ablation, [0])
    assert_scored_as_kept(tmp_path / "models" / "a" / "0", tokens)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"phases": [{"losses": ["sc"], "epochs": 9}]}, "'sc' is not among the losses: cross-entropy, scl"),
        ({"phases": [{"losses": ["scl"], "epochs": 9}]}, "'cross-entropy' counts in none of them"),
        ({"phases": [{"losses": [], "epochs": 9}]}, r"phases\.0\.losses"),
        ({"phases": [{"frozen": True, "epochs": 9}]}, "every one is frozen"),
        ({"average": {"kind": "ema", "decay": 0.9, "from_epoch": 3}}, "may follow an averaged epoch"),
    ],
)
def test_phases_that_contradict_the_rest_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(FinesentError, match=problem):
        make_ablation(**{**SETTINGS, **changes})


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [
        ({"phases": [FIRST_SCL[1], {**FIRST_SCL[0], "frozen": True}, {"epochs": 1}], "epochs": 10}, 7),
        ({"unfreeze": {"policy": "all", "after": 2}}, 1),
    ],
)
def test_an_epoch_in_which_nothing_would_learn_is_refused(changes: dict[str, Any], epoch: int) -> None:
    with pytest.raises(FinesentError, match=f"nothing would learn in epoch {epoch}"):
        build_losses(make_ablation(**{**SETTINGS, **changes}), "place")


def test_the_average_of_a_frozen_phase_is_taken() -> None:
    average = {"kind": "ema", "decay": 0.9, "from_epoch": 4}
    assert make_ablation(**{**SETTINGS, "average": average}).average is not None


def test_an_average_may_begin_in_a_frozen_phase_and_go_on_in_the_next(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    average = {"kind": "ema", "decay": 0.9, "from_epoch": 1}
    phases = [{"frozen": True, "epochs": 2}, {"epochs": 3}]
    averaged = make_ablation(phases=phases, epochs=5, average=average, unfreeze={"policy": "all", "after": 0})
    unfrozen = make_ablation(epochs=5, average=average, unfreeze={"policy": "all", "after": 2})
    train(tmp_path / "phases", tokens, backbone, averaged, [0])
    train(tmp_path / "after", tokens, backbone, unfrozen, [0])
    assert timeless(tmp_path / "phases") == timeless(tmp_path / "after")
