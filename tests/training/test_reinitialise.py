"""Layers that begin anew: which, how, and that a run scores and keeps the very same ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from finesent.errors import FinesentError
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.training.reinitialise import begun_anew, reinitialise
from tests.training.helpers import assert_scored_as_kept, history, make_ablation, train

TOP = "encoder.encoder.layer.1."
LOWER = "encoder.encoder.layer.0."


def classifier(backbone: Path) -> Classifier:
    return Classifier(load_encoder(backbone), "mean", make_ablation().head, 5)


def anew(backbone: Path, count: int, seed: int) -> dict[str, torch.Tensor]:
    """The encoder's weights after its ``count`` top layers began anew."""
    model = classifier(backbone)
    reinitialise(model, begun_anew(model, count, "test"), seed)
    return {name: value.detach() for name, value in model.named_parameters() if name.startswith("encoder.")}


def pretrained(backbone: Path) -> dict[str, torch.Tensor]:
    return {f"encoder.{name}": tensor for name, tensor in load_file(backbone / "model.safetensors").items()}


@pytest.mark.parametrize(("count", "prefixes"), [(0, ()), (1, (TOP,)), (2, (TOP, LOWER))])
def test_the_top_layers_change_and_nothing_else(
    count: int, prefixes: tuple[str, ...], backbone: Path
) -> None:
    before, after = pretrained(backbone), anew(backbone, count, seed=0)
    assert before.keys() == after.keys()
    # Biases and norms of the tiny backbone are at their start, where beginning anew leaves them.
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if before[name].ndim == 2 and name.startswith(prefixes)}


def test_a_new_layer_is_as_the_architecture_begins(backbone: Path) -> None:
    model = classifier(backbone)
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.fill_(9.0)
    reinitialise(model, begun_anew(model, 1, "test"), seed=0)
    layer = model.parts()[0][0]
    for name, parameter in layer.named_parameters():
        if parameter.ndim == 2:
            # BERT's spread is 0.02; 256 draws or more tell it from the 9 and from PyTorch's own scheme.
            assert 0.017 < parameter.std().item() < 0.023
        else:
            assert torch.equal(parameter, torch.full_like(parameter, float("LayerNorm.weight" in name)))
    assert all(
        (parameter == 9).all() for part in model.parts()[1:] for m in part for parameter in m.parameters()
    )


def test_equal_seeds_begin_with_equal_layers_however_many_there_are(backbone: Path) -> None:
    one, both, other = anew(backbone, 1, seed=3), anew(backbone, 2, seed=3), anew(backbone, 1, seed=4)
    top = [name for name in one if name.startswith(TOP)]
    assert all(torch.equal(one[name], both[name]) for name in top)
    assert not all(torch.equal(one[name], other[name]) for name in top)


def test_other_random_streams_are_left_alone(backbone: Path) -> None:
    model = classifier(backbone)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    reinitialise(model, begun_anew(model, 2, "test"), seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_more_layers_than_there_are_is_refused(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = make_ablation(unfreeze={"policy": "all", "after": 0}, reinitialise=3)
    with pytest.raises(FinesentError, match="asks for 3 layers, and the encoder has 2") as caught:
        train(tmp_path, tokens, backbone, ablation, [0])
    assert caught.value.place == "params.yaml: ablations.a.reinitialise"
    assert not list(tmp_path.iterdir())


def test_a_best_epoch_of_the_frozen_phase_is_kept_with_its_new_layers(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    # A destructive second phase, so that the frozen epoch is chosen.
    destructive = make_ablation(
        unfreeze={"policy": "all", "after": 1},
        epochs=3,
        reinitialise=1,
        learning_rate={"head": 0.01, "backbone": 1.0},
        max_grad_norm=None,
        select="loss",
    )
    train(tmp_path, tokens, backbone, destructive, [0, 1])
    assert [row["selected"] for row in history(tmp_path)] == ["1", "0", "0"] * 2
    for seed in (0, 1):
        folder = tmp_path / "models" / "a" / str(seed)
        saved = load_file(folder / "encoder" / "model.safetensors")
        expected = anew(backbone, 1, seed)
        assert all(torch.equal(saved[name], expected[f"encoder.{name}"]) for name in saved)
        assert_scored_as_kept(folder, tokens)
