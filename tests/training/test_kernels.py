"""Training with the compiled operations and without them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from finesent.compiling import CompilingError
from finesent.kernels.library import Kernels
from finesent.models.saving import load_dev_logits
from finesent.training import setup
from finesent.training.progress import Progress
from tests.training.helpers import interrupted_before, make_ablation, train

UNFROZEN = {"unfreeze": {"policy": "all", "after": 0}, "epochs": 2}


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes it away; what is said of that."""
    said: list[str] = []

    def missing() -> None:
        raise CompilingError("there is no g++")

    monkeypatch.setattr(setup, "load_kernels", missing)
    monkeypatch.setattr(Progress, "say", said.append)
    return said


def logits(root: Path) -> np.ndarray:
    return load_dev_logits(root / "models" / "a" / "0", 25)


def compiled_layers(root: Path) -> int:
    found = json.loads((root / "models" / "a" / "0" / "classifier.json").read_text())
    count: int = found["training"]["compiled_layers"]
    return count


@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-3), ("bf16", 0.05)])
def test_off_and_on_agree_without_dropout(
    precision: str,
    near: float,
    tmp_path: Path,
    tokens: Path,
    backbone: Path,
    kernels: Kernels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ablation = make_ablation(**UNFROZEN, head={"kind": "linear", "dropout": 0.0})
    used = setup.starting_encoder

    def without_dropout(*args: object) -> object:
        encoder = used(*args)  # type: ignore[arg-type]
        for module in encoder.modules():
            if hasattr(module, "p"):
                module.p = 0.0
        return encoder

    monkeypatch.setattr(setup, "starting_encoder", without_dropout)
    for choice in ("auto", "off"):
        train(tmp_path / choice, tokens, backbone, ablation, [0], precision=precision, kernels=choice)
    assert compiled_layers(tmp_path / "auto") == 2
    assert compiled_layers(tmp_path / "off") == 0
    np.testing.assert_allclose(logits(tmp_path / "auto"), logits(tmp_path / "off"), atol=near)
    # What learns is the same; what differs is rounding.
    assert not np.array_equal(logits(tmp_path / "auto"), logits(tmp_path / "off"))


def test_twice_is_the_same_to_the_bit(tmp_path: Path, tokens: Path, backbone: Path, kernels: Kernels) -> None:
    for name in ("one", "other"):
        train(tmp_path / name, tokens, backbone, make_ablation(**UNFROZEN), [0], precision="bf16")
    assert np.array_equal(logits(tmp_path / "one"), logits(tmp_path / "other"))


def test_without_a_compiler_it_says_so_and_is_as_off(
    tmp_path: Path, tokens: Path, backbone: Path, no_compiler: list[str]
) -> None:
    ablation = make_ablation(**UNFROZEN)
    train(tmp_path / "auto", tokens, backbone, ablation, [0])
    assert any("there is no g++" in line and "PyTorch's" in line for line in no_compiler)
    no_compiler.clear()
    train(tmp_path / "off", tokens, backbone, ablation, [0], kernels="off")
    assert not any("g++" in line for line in no_compiler)
    assert np.array_equal(logits(tmp_path / "auto"), logits(tmp_path / "off"))


def test_a_run_is_not_gone_on_with_the_other(
    tmp_path: Path, tokens: Path, backbone: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their draws differ, so that a run of two halves would be no run of either."""
    ablation, said = make_ablation(**UNFROZEN), list[str]()
    monkeypatch.setattr(Progress, "say", said.append)
    with interrupted_before(epoch=2):
        train(tmp_path, tokens, backbone, ablation, [0], kernels="auto")
    train(tmp_path, tokens, backbone, ablation, [0], kernels="off")
    assert not any("going on" in line for line in said)
    train(tmp_path, tokens, backbone, ablation, [0], kernels="auto")
    assert any("going on after epoch 1" in line for line in said)
