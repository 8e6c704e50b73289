"""Passes in bf16: near those in float32 for every architecture, and never with weights of yesterday."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, PretrainedConfig

from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine, all_features
from finesent.models.half import HalfWeights, half_parameters, joined
from finesent.params.ablation import Head
from finesent.training.adversarial import recorded
from tests.models.families import CONFIGS, SIZES, tiny

HEAD = Head(kind="linear", dropout=0.0)


@pytest.fixture
def split(tokens: Path) -> TokenizedSplit:
    """Tokenized rows of several lengths."""
    return read_tokens(tokens / "dev.parquet")


def gradients(precision: str, classifier: Classifier, split: TokenizedSplit) -> dict[str, torch.Tensor]:
    engine, rows = Engine(torch.device("cpu"), precision), np.arange(12)
    classifier.zero_grad()
    logits = engine.classify(classifier, engine.encode(classifier, split, rows))
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(split.labels[rows])).backward()
    return {name: p.grad for name, p in classifier.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_bf16_is_near_float32_forward_and_backward(config: PretrainedConfig, split: TokenizedSplit) -> None:
    classifier = Classifier(tiny(config), "mean", HEAD, 5).eval()
    exact, half = (
        all_features(Engine(torch.device("cpu"), precision), classifier, split)
        for precision in ("float32", "bf16")
    )
    assert half.dtype == torch.float32
    # Eight bits of mantissa, through two layers.
    assert (half - exact).abs().max() < 0.05 * exact.abs().max()
    assert not torch.equal(half, exact)
    wanted, found = (gradients(precision, classifier, split) for precision in ("float32", "bf16"))
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        assert gradient.dtype == torch.float32, name
        assert gradient.shape == wanted[name].shape
    flat_wanted, flat_found = (torch.cat([g.flatten() for g in x.values()]) for x in (wanted, found))
    assert torch.nn.functional.cosine_similarity(flat_wanted, flat_found, dim=0) > 0.99


@pytest.mark.parametrize("mix_layers", [1, 2])
@pytest.mark.parametrize("pooling", ["first", "mean", "max", "attention"])
def test_every_pooling_reads_bf16_states(pooling: str, mix_layers: int, split: TokenizedSplit) -> None:
    classifier = Classifier(tiny(CONFIGS[0]), pooling, HEAD, 5, mix_layers).eval()
    exact, half = (
        all_features(Engine(torch.device("cpu"), precision), classifier, split)
        for precision in ("float32", "bf16")
    )
    assert half.dtype == torch.float32
    assert (half - exact).abs().max() < 0.05 * exact.abs().max()


def test_what_learns_has_gradient_and_what_is_frozen_has_none(split: TokenizedSplit) -> None:
    classifier = Classifier(tiny(CONFIGS[0]), "mean", HEAD, 5)
    classifier.set_depth(1)
    found = gradients("bf16", classifier, split)
    learning = {name for name, p in classifier.named_parameters() if p.requires_grad}
    assert found.keys() == learning
    assert {name.split(".")[2] for name in found if name.startswith("encoder.encoder")} == {"layer"}


def test_weights_that_change_are_turned_anew() -> None:
    encoder, half = tiny(CONFIGS[0]), HalfWeights()
    encoder.requires_grad_(False)
    name, weight = next((n, p) for n, p in encoder.named_parameters() if n.endswith("query.weight"))
    assert half.of(encoder)[name] is half.of(encoder)[name]
    changes: list[Callable[[], object]] = [
        lambda: weight.copy_(torch.randn_like(weight)),
        lambda: weight.mul_(2),
        lambda: weight.lerp_(torch.zeros_like(weight), 0.5),
        lambda: encoder.load_state_dict(tiny(BertConfig(**{**SIZES, "initializer_range": 0.5})).state_dict()),
    ]
    for change in changes:
        change()
        assert torch.equal(half.of(encoder)[name], weight.to(torch.bfloat16))


def test_weights_that_learnt_between_two_frozen_phases_are_turned_anew() -> None:
    encoder, half = tiny(CONFIGS[0]), HalfWeights()
    name, weight = next((n, p) for n, p in encoder.named_parameters() if n.endswith("query.weight"))
    weight.requires_grad_(False)
    half.of(encoder)
    weight.requires_grad_(True)
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    for _ in range(2):
        assert half.of(encoder)[name].requires_grad
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        assert torch.equal(half.of(encoder)[name], weight.to(torch.bfloat16))
    weight.requires_grad_(False)
    assert torch.equal(half.of(encoder)[name], weight.to(torch.bfloat16))


def test_copies_that_are_followed_are_kept_until_their_weight_changes_otherwise() -> None:
    encoder, half = tiny(CONFIGS[0]), HalfWeights()
    half.followed = True
    name, weight = next((n, p) for n, p in encoder.named_parameters() if n.endswith("query.weight"))
    assert half.copy_of(weight) is None
    first = half.of(encoder)[name]
    assert first.requires_grad
    copy = half.copy_of(weight)
    assert copy is not None
    assert half.of(encoder)[name].data_ptr() == first.data_ptr() == copy.data_ptr()
    # As a kernel does, which counts no change.
    copy.view(torch.int16).fill_(0)
    assert not half.of(encoder)[name].any()
    with torch.no_grad():
        weight.mul_(2)
    assert half.copy_of(weight) is None
    assert torch.equal(half.of(encoder)[name], weight.to(torch.bfloat16))
    half.followed = False
    assert half.copy_of(weight) is None


def test_copies_that_are_multiplied_together_lie_together() -> None:
    encoder, half = tiny(CONFIGS[0]), HalfWeights()
    copies = half.of(encoder)
    layer = next(name for name in copies if name.endswith("query.weight")).removesuffix("query.weight")
    for kind in ("weight", "bias"):
        parts = [copies[f"{layer}{part}.{kind}"] for part in ("query", "key", "value")]
        whole = joined(*parts)
        assert whole.data_ptr() == parts[0].data_ptr()
        assert torch.equal(whole, torch.cat(parts))
    for name, weight in encoder.named_parameters():
        if name in copies:
            assert torch.equal(copies[name], weight.to(torch.bfloat16)), name


def test_what_lies_apart_is_joined_in_a_copy() -> None:
    whole = torch.arange(24.0).view(6, 4)
    orders = [(0, 2), (2, 4), (4, 6)], [(2, 4), (0, 2), (4, 6)], [(0, 2), (4, 6)], [(0, 1), (1, 6)]
    for number, order in enumerate(orders):
        parts = [whole[start:end] for start, end in order]
        found = joined(*parts)
        assert torch.equal(found, torch.cat(parts))
        assert (found.data_ptr() == whole.data_ptr()) == (number in (0, 3))
    apart = [torch.ones(2, 4), torch.zeros(2, 4)]
    assert torch.equal(joined(*apart), torch.cat(apart))


def test_the_copies_of_a_weight_that_is_gone_go_too() -> None:
    encoder, half = tiny(CONFIGS[0]), HalfWeights()
    half.followed = True
    copy = half.of(encoder)["embeddings.position_embeddings.weight"]
    kept = weakref.ref(copy.untyped_storage())
    other = tiny(CONFIGS[0])
    half.of(other)
    assert (
        half.copy_of(next(p for n, p in other.named_parameters() if n.endswith("query.weight"))) is not None
    )
    assert len(half._copies) == 2 * sum(1 for _ in half_parameters(other))
    del encoder, copy
    gc.collect()
    assert kept() is None
    assert len(half._copies) == sum(1 for _ in half_parameters(other))


@pytest.mark.parametrize("kept", [torch.bfloat16, torch.float32], ids=str)
def test_gradients_are_kept_in_the_type_that_is_asked_for(kept: torch.dtype, split: TokenizedSplit) -> None:
    classifier = Classifier(tiny(CONFIGS[0]), "mean", HEAD, 5).eval()
    wanted = gradients("bf16", classifier, split)
    classifier.zero_grad()
    engine = Engine(torch.device("cpu"), "bf16")
    engine.follow(classifier.encoder, half_gradients=kept is torch.bfloat16)
    found = gradients("bf16", classifier, split)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        inside = name.startswith("encoder.") and "word_embeddings" not in name
        assert gradient.dtype == (kept if inside else torch.float32), name
        assert torch.equal(gradient.float(), wanted[name]), name


def test_embeddings_are_still_seen_from_outside(split: TokenizedSplit) -> None:
    classifier = Classifier(tiny(CONFIGS[0]), "mean", HEAD, 5)
    engine = Engine(torch.device("cpu"), "bf16")
    with recorded(classifier.encoder.get_input_embeddings()) as seen:
        features = engine.encode(classifier, split, np.arange(3))
    (gradient,) = torch.autograd.grad(features.sum(), seen[0])
    assert gradient.shape == seen[0].shape == (3, split.lengths[:3].max(), 32)
    assert gradient.abs().sum() > 0


def test_a_loaded_backbone_trains_alike_with_equal_seeds(backbone: Path, split: TokenizedSplit) -> None:
    classifier = Classifier(load_encoder(backbone), "mean", HEAD, 5)
    classifier.set_depth(len(classifier.parts()))
    runs = []
    for _ in range(2):
        torch.manual_seed(7)
        runs.append(gradients("bf16", classifier, split))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
