"""Products with weights laid out once: the same numbers, in every family, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import PretrainedConfig

from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models import packed
from finesent.models.classifier import Classifier
from finesent.models.engine import Engine, all_features
from finesent.models.packed import packed_products
from finesent.params.ablation import Head
from tests.models.families import CONFIGS, tiny

HEAD = Head(kind="linear", dropout=0.0)
CPU = torch.device("cpu")
there = pytest.mark.skipif(not packed._available(), reason="this processor or PyTorch has no such kernels")


@pytest.fixture
def split(tokens: Path) -> TokenizedSplit:
    """Tokenized rows of several lengths."""
    return read_tokens(tokens / "dev.parquet")


def layer(classes: type[nn.Linear] = nn.Linear, bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(classes(32, 48, bias=bias))


def half(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.detach().bfloat16() for name, weight in module.named_parameters()}


def calls(work: torch.profiler.profile) -> int:
    return sum(event.count for event in work.key_averages() if event.key == "mkldnn::_linear_pointwise")


@there
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_every_family_scores_as_without(
    config: PretrainedConfig, split: TokenizedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(tiny(config), "mean", HEAD, 5)
    with torch.profiler.profile() as work:
        ours = all_features(Engine(CPU, "bf16"), classifier, split)
    assert calls(work) > 0
    monkeypatch.setattr(packed, "_available", lambda: False)
    with torch.profiler.profile() as work:
        plain = all_features(Engine(CPU, "bf16"), classifier, split)
    assert calls(work) == 0
    # Products may be added up in another order before they are rounded to eight bits.
    assert (ours - plain).abs().max() < 0.02 * plain.abs().max()


@there
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_is_that_of_the_weights_given(bias: bool) -> None:
    module = layer(bias=bias)
    values = torch.randn(3, 7, 32).bfloat16()
    weights = {name: -weight for name, weight in half(module).items()}
    wanted = nn.functional.linear(values, weights["0.weight"], weights.get("0.bias"))
    with torch.no_grad(), packed_products(module, weights, 21):
        torch.testing.assert_close(module(values), wanted)


@there
def test_what_learned_since_is_laid_out_anew(split: TokenizedSplit) -> None:
    classifier, engine = Classifier(tiny(CONFIGS[0]), "mean", HEAD, 5), Engine(CPU, "bf16")
    before = all_features(engine, classifier, split)
    with torch.no_grad():
        for name, weight in classifier.encoder.named_parameters():
            if name.endswith("dense.weight"):
                weight.mul_(2)
    after = all_features(engine, classifier, split)
    assert not torch.allclose(before, after, atol=0.1)
    torch.testing.assert_close(after, all_features(Engine(CPU, "bf16"), classifier, split))


def test_afterwards_every_layer_is_its_own_again() -> None:
    module = layer()
    midst = pytest.raises(RuntimeError, match="in the midst")
    with midst, torch.no_grad(), packed_products(module, half(module), 4):
        assert ("forward" in vars(module[0])) == packed._available()
        raise RuntimeError("in the midst")
    assert "forward" not in vars(module[0])
    assert module(torch.randn(2, 32)).dtype == torch.float32


@pytest.mark.parametrize("why", ["gradients", "float32", "another class", "no weight"])
def test_what_it_is_not_for_stays_as_it_is(why: str) -> None:
    class Scaled(nn.Linear):
        """Does more than to multiply."""

    module = layer(Scaled if why == "another class" else nn.Linear)
    weights = {} if why == "no weight" else half(module)
    if why == "float32":
        weights = {name: weight.float() for name, weight in weights.items()}
    with torch.set_grad_enabled(why == "gradients"), packed_products(module, weights, 4):
        assert "forward" not in vars(module[0])
