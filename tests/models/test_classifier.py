"""Pooling, heads, freezing, and classifiers on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from finesent.data.encoding import Encoding, require_same
from finesent.errors import FinesentError
from finesent.models.classifier import Classifier
from finesent.models.encoder import layers_of, load_encoder
from finesent.models.heads import HEADS, initialise
from finesent.models.pooling import POOLINGS
from finesent.models.saving import (
    Description,
    load_classifier,
    load_dev_logits,
    save_dev_logits,
    save_encoder,
    save_head,
)
from finesent.params.ablation import Head

HEAD = Head(kind="linear-tanh-linear", dropout=0.1)
ENCODING = Encoding("plain", "{text}", 32, "0" * 64, 0, 25)


def make(backbone: Path) -> Classifier:
    return Classifier(load_encoder(backbone), "mean", HEAD, 5)


def test_mean_pooling_of_bf16_sums_in_float32() -> None:
    states = torch.ones(1, 300, 1, dtype=torch.bfloat16)
    # Added up in bf16, ones stop counting at 256.
    assert POOLINGS["mean"](states, torch.ones(1, 300)).item() == 1


@pytest.mark.parametrize("kind", sorted(HEADS))
def test_heads_start_alike_from_the_same_generator(kind: str) -> None:
    first, second = (HEADS[kind](16, 5, 0.1) for _ in range(2))
    for head in (first, second):
        torch.rand(17)
        initialise(head, torch.Generator().manual_seed(3))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert first(torch.randn(2, 16)).shape == (2, 5)


def test_padding_changes_nothing(backbone: Path) -> None:
    classifier = make(backbone).eval()
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    padded = torch.tensor([[2, 5, 6, 7, 3, 0, 0, 0]])
    with torch.no_grad():
        plain = classifier(ids, torch.ones_like(ids))
        with_padding = classifier(padded, (torch.arange(8) < 5).long()[None])
    assert torch.allclose(plain, with_padding, atol=1e-6)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_depth_unfreezes_from_the_top_and_the_embeddings_last(backbone: Path, depth: int) -> None:
    classifier = make(backbone)
    classifier.set_depth(depth)
    layers = layers_of(classifier.encoder)
    learning = [layers[1], layers[0], classifier.encoder.embeddings][:depth]
    frozen = [layers[1], layers[0], classifier.encoder.embeddings][depth:]
    assert all(p.requires_grad for module in learning for p in module.parameters())
    assert all(inner.training for module in learning for inner in module.modules())
    assert not any(p.requires_grad for module in frozen for p in module.parameters())
    assert not any(inner.training for module in frozen for inner in module.modules())
    assert classifier.head.training


def test_every_parameter_of_the_encoder_is_in_one_part(backbone: Path) -> None:
    classifier = make(backbone)
    inside = [id(p) for part in classifier.parts() for module in part for p in module.parameters()]
    assert sorted(inside) == sorted(id(p) for p in classifier.encoder.parameters())


def test_a_frozen_encoder_computes_the_same_every_time(backbone: Path) -> None:
    classifier = make(backbone)
    classifier.set_depth(0)
    ids = torch.tensor([[2, 5, 6, 3]])
    assert torch.equal(
        classifier.features(ids, torch.ones_like(ids)), classifier.features(ids, torch.ones_like(ids))
    )


def description(encoder: str = "encoder") -> Description:
    return Description("a", 0, 5, "mean", HEAD.model_dump(), encoder, ENCODING, {"best_epoch": 1})


def save(classifier: Classifier, folder: Path) -> None:
    save_head(classifier, description(), folder)
    save_encoder(classifier.encoder, folder / "encoder")


def test_a_saved_classifier_gives_the_same_logits(backbone: Path, tmp_path: Path) -> None:
    classifier = make(backbone).eval()
    save(classifier, tmp_path / "a" / "0")
    loaded, read = load_classifier(tmp_path / "a" / "0")
    ids = torch.tensor([[2, 5, 6, 3]])
    with torch.no_grad():
        assert torch.equal(loaded(ids, torch.ones_like(ids)), classifier(ids, torch.ones_like(ids)))
    assert read == description()
    assert not loaded.training


def test_a_classifier_saved_before_layers_could_be_mixed_is_read(backbone: Path, tmp_path: Path) -> None:
    save(make(backbone), tmp_path / "a" / "0")
    file = tmp_path / "a" / "0" / "classifier.json"
    content = json.loads(file.read_text())
    del content["mix_layers"], content["head"]["hidden"]
    file.write_text(json.dumps(content))
    _, read = load_classifier(tmp_path / "a" / "0")
    assert read.mix_layers == 1


def test_saving_twice_gives_the_same_bytes(backbone: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(make(backbone), tmp_path / name)
    shutil.copy(tmp_path / "one" / "head.safetensors", tmp_path / "two" / "head.safetensors")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) == 4
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "classifier.json").unlink(), "missing"),
        (lambda folder: (folder / "classifier.json").write_text("{}"), "does not describe"),
        (lambda folder: (folder / "head.safetensors").write_bytes(b"x"), "do not fit|head"),
        (lambda folder: shutil.rmtree(folder / "encoder"), "no encoder"),
    ],
)
def test_a_broken_classifier_is_named(backbone: Path, tmp_path: Path, damage, message: str) -> None:  # noqa: ANN001
    save(make(backbone), tmp_path / "a" / "0")
    damage(tmp_path / "a" / "0")
    with pytest.raises(FinesentError, match=message):
        load_classifier(tmp_path / "a" / "0")


def test_another_heads_weights_are_refused(backbone: Path, tmp_path: Path) -> None:
    save(make(backbone), tmp_path / "a" / "0")
    content = json.loads((tmp_path / "a" / "0" / "classifier.json").read_text())
    (tmp_path / "a" / "0" / "classifier.json").write_text(json.dumps({**content, "classes": 3}))
    with pytest.raises(FinesentError, match="do not fit"):
        load_classifier(tmp_path / "a" / "0")


def test_a_pickled_backbone_is_not_loaded(backbone: Path, tmp_path: Path) -> None:
    shutil.copy(backbone / "config.json", tmp_path / "config.json")
    torch.save(load_encoder(backbone).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(FinesentError, match="no encoder could be loaded"):
        load_encoder(tmp_path)


def test_dev_logits_of_other_rows_are_refused(tmp_path: Path) -> None:
    save_dev_logits(torch.zeros(4, 5), tmp_path)
    assert load_dev_logits(tmp_path, 4).shape == (4, 5)
    with pytest.raises(FinesentError, match="4 rows"):
        load_dev_logits(tmp_path, 5)
    with pytest.raises(FinesentError, match="cannot be read"):
        load_dev_logits(tmp_path / "none", 5)


def test_tokens_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    other = Encoding("plain", "{text}", 32, "1" * 64, 0, 25)
    with pytest.raises(FinesentError, match="tokenizer"):
        require_same(ENCODING, other, tmp_path / "model", tmp_path / "test.parquet")
