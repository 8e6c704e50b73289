"""Layers frozen below others run once for all seeds and epochs, and training comes to the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

from finesent.data.tokens import read_tokens
from finesent.models.classifier import Classifier
from finesent.models.encoder import layers_of, load_encoder
from finesent.models.engine import Engine
from finesent.models.prefix import PrefixStates
from finesent.training import prefixes
from finesent.training.losses import build_losses
from finesent.training.prefixes import Prefixes, shared_prefixes
from tests.training.helpers import hashes, history, interrupted_before, make_ablation, timeless, train

LAYERWISE: dict[str, Any] = {"unfreeze": {"policy": "top-down", "after": 1, "every": 1}, "epochs": 5}
ATTENTION: dict[str, Any] = {"pooling": "attention", "unfreeze": {"policy": "never"}}
LATER: dict[str, Any] = {"pooling": "attention", "unfreeze": {"policy": "all", "after": 2}}


@contextmanager
def begun_passes() -> Iterator[list[int]]:
    """The numbers of layers that passes inside skipped, one a pass."""
    skipped: list[int] = []
    originals = {name: getattr(PrefixStates, name) for name in ("packed", "padded")}

    def counting(name: str) -> Any:
        def counted(self: PrefixStates, *given: Any) -> Any:
            skipped.append(self.layers)
            return originals[name](self, *given)

        return counted

    with ExitStack() as stack:
        for name in originals:
            stack.enter_context(patch.object(PrefixStates, name, counting(name)))
        yield skipped


def same(first: Path, second: Path) -> None:
    """Histories that differ by rounding alone."""
    for one, other in zip(timeless(first), timeless(second), strict=True):
        assert one["dev_accuracy"] == other["dev_accuracy"]
        for key in ("train_loss", "dev_loss", "gradient_norm"):
            assert float(one[key]) == pytest.approx(float(other[key]), rel=1e-4)


@pytest.mark.parametrize("changes", [LAYERWISE, ATTENTION, LATER], ids=["layerwise", "attention", "later"])
def test_training_comes_to_the_same(
    changes: dict[str, Any], tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablation = make_ablation(**changes)
    with begun_passes() as skipped:
        train(tmp_path / "kept", tokens, backbone, ablation, [0, 1])
    assert skipped
    monkeypatch.setattr(prefixes, "LIMIT", 0)
    with begun_passes() as skipped:
        train(tmp_path / "whole", tokens, backbone, ablation, [0, 1])
    assert not skipped
    same(tmp_path / "kept", tmp_path / "whole")


def test_states_are_computed_once_for_all_seeds(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    with patch.object(Prefixes, "_compute", autospec=True, side_effect=Prefixes._compute) as compute:
        train(tmp_path, tokens, backbone, make_ablation(**LAYERWISE), [0, 1, 2])
    assert compute.call_count == 1


def test_a_run_that_goes_on_in_the_midst_of_unfreezing_is_the_same(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    ablation = make_ablation(**LAYERWISE)
    train(tmp_path / "whole", tokens, backbone, ablation, [0, 1])
    with interrupted_before(3):
        train(tmp_path / "cut", tokens, backbone, ablation, [0, 1])
    train(tmp_path / "cut", tokens, backbone, ablation, [0, 1])
    assert hashes(tmp_path / "cut" / "models") == hashes(tmp_path / "whole" / "models")
    assert [row["trainable_layers"] for row in history(tmp_path / "cut")] == ["0", "1", "2", "3", "3"] * 2


def make_prefixes(tokens: Path, backbone: Path, **changes: Any) -> Prefixes | None:
    ablation = make_ablation(**changes)
    mix = getattr(ablation.encoder, "mix_layers", 1)
    classifier = Classifier(load_encoder(backbone), ablation.pooling, ablation.head, 5, mix)
    train_split, dev = (read_tokens(tokens / f"{name}.parquet") for name in ("train", "dev"))
    engine = Engine(torch.device("cpu"), "float32")
    return shared_prefixes(ablation, build_losses(ablation, "test"), engine, classifier, train_split, dev)


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": {"kind": "pretrained", "mix_layers": 2}},
        {"reinitialise": 1},
        {"losses": {"fgm": {"weight": 1.0}}},
    ],
    ids=["mix", "anew", "perturbed"],
)
def test_where_they_cannot_stand_in_nothing_is_kept(
    changes: dict[str, Any], tokens: Path, backbone: Path
) -> None:
    assert make_prefixes(tokens, backbone, **LAYERWISE, **changes) is None


def test_as_many_layers_are_kept_as_there_is_room_for(
    tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_prefixes(tokens, backbone, **LAYERWISE)
    assert whole is not None
    count = len(layers_of(load_encoder(backbone)))
    assert [whole.at(depth) is not None for depth in range(count + 2)] == [
        False,
        *[True] * (count - 1),
        False,
        False,
    ]
    kept = whole.at(1)
    assert kept is not None
    room = sum(part.states[:-1].nbytes for part in (kept.train, kept.dev))
    monkeypatch.setattr(prefixes, "LIMIT", room)
    least = make_prefixes(tokens, backbone, **LAYERWISE)
    monkeypatch.setattr(prefixes, "LIMIT", room - 1)
    none = make_prefixes(tokens, backbone, **LAYERWISE)
    assert least is not None and none is not None
    # The more is frozen the more is saved: the room goes to what lies below one learning layer.
    assert least.at(1) is not None
    assert none.at(1) is None
