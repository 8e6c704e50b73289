"""Encoders whose layers compute with the kernels give what they gave before."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.func import functional_call
from transformers import BertConfig, BertModel, ElectraConfig, PretrainedConfig, PreTrainedModel

from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.kernels import encoder as module
from finesent.kernels.encoder import use_kernels
from finesent.kernels.layer import WEIGHTS
from finesent.kernels.library import Kernels
from finesent.kernels.operations import Dropped
from finesent.models.classifier import Classifier
from finesent.models.encoder import layers_of, load_encoder, token_states
from finesent.models.engine import Engine, all_features
from finesent.models.saving import save_encoder
from finesent.params.ablation import Head
from tests.kernels import naive
from tests.models.families import CONFIGS, SIZES, tiny

BY_NAME = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
OF_THE_SHAPE = {"bert", "roberta", "electra"}
HEAD = Head(kind="linear", dropout=0.0)


def loaded(config: PretrainedConfig, folder: Path, dropout: float = 0.0) -> PreTrainedModel:
    """A tiny encoder as the product loads it."""
    encoder = tiny(config)
    encoder.save_pretrained(folder)
    found = load_encoder(folder)
    assert isinstance(found, PreTrainedModel)
    for part in found.modules():
        if hasattr(part, "p"):
            part.p = dropout
    return found


def twins(
    config: PretrainedConfig, folder: Path, kernels: Kernels
) -> tuple[PreTrainedModel, PreTrainedModel, int]:
    """Without kernels and with them, and how many layers have them."""
    plain = loaded(config, folder)
    fast = copy.deepcopy(plain)
    return plain, fast, use_kernels(fast, kernels)


def batch() -> dict[str, torch.Tensor]:
    """Rows of 9, 4 and 1 tokens."""
    lengths = torch.tensor([9, 4, 1])
    mask = (torch.arange(9) < lengths[:, None]).long()
    ids = torch.randint(5, 300, (3, 9), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids * mask, "attention_mask": mask}


def states(encoder: nn.Module) -> list[torch.Tensor]:
    """Of every layer, where there is a token."""
    given = batch()
    found = encoder(**given, output_hidden_states=True).hidden_states
    return [each[given["attention_mask"].bool()] for each in found]


@BY_NAME
def test_states_and_gradients_are_the_same(
    config: PretrainedConfig, tmp_path: Path, kernels: Kernels
) -> None:
    plain, fast, count = twins(config, tmp_path, kernels)
    assert count == (2 if config.model_type in OF_THE_SHAPE else 0)
    assert list(plain.state_dict()) == list(fast.state_dict())
    results = []
    for encoder in (plain.train(), fast.train()):
        every = states(encoder)
        # The squares of what was normalised would always have one sum.
        every[-1][:, :7].square().sum().backward()
        results.append((every, {name: p.grad for name, p in encoder.named_parameters()}))
    for ours, theirs in zip(results[1][0], results[0][0], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    for name, gradient in results[0][1].items():
        other = results[1][1][name]
        assert (gradient is None) == (other is None), name
        if gradient is not None:
            scale = float(gradient.abs().max()) + 1
            torch.testing.assert_close(other, gradient, rtol=0, atol=1e-5 * scale, msg=name)


@BY_NAME
def test_states_without_gradient_are_the_same(
    config: PretrainedConfig, tmp_path: Path, kernels: Kernels
) -> None:
    plain, fast, _ = twins(config, tmp_path, kernels)
    with torch.no_grad():
        for ours, theirs in zip(states(fast.eval()), states(plain.eval()), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_kernels_are_used(tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whose passes are its class's own.
    _, fast, _ = twins(ElectraConfig(**SIZES, embedding_size=16), tmp_path, kernels)
    calls: list[str] = []
    for name in ("learning", "scored"):
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, name=name, function=function: calls.append(name) or function(*args)
        )
    given = batch()
    for layers in (1, 2):
        # As the engine calls it.
        token_states(fast, given["input_ids"], given["attention_mask"], layers)
        with torch.no_grad():
            token_states(fast, given["input_ids"], given["attention_mask"], layers)
    assert calls == (["learning"] * 2 + ["scored"] * 2) * 2


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_features_are_the_same(precision: str, tokens: Path, tmp_path: Path, kernels: Kernels) -> None:
    split: TokenizedSplit = read_tokens(tokens / "dev.parquet")
    plain, fast, _ = twins(BertConfig(**SIZES), tmp_path, kernels)
    engine = Engine(torch.device("cpu"), precision)
    found = [
        all_features(engine, Classifier(encoder, "mean", HEAD, 5, 1), split, tokens=64)
        for encoder in (fast, plain)
    ]
    near = {"float32": 1e-5, "bf16": 3e-2}[precision]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=near)


def test_a_layer_with_dropout(tmp_path: Path, kernels: Kernels) -> None:
    """In training, with what was drawn told to a layer written out in float64."""
    encoder = loaded(BertConfig(**SIZES), tmp_path, dropout=0.3).train()
    use_kernels(encoder, kernels)
    layer = layers_of(encoder)[0]
    generator = torch.Generator().manual_seed(1)
    given = torch.randn(3, 9, 32, generator=generator, requires_grad=True)
    above = torch.randn(3, 9, 32, generator=generator)
    seen = (torch.arange(9) < torch.tensor([9, 4, 1])[:, None])[:, None, None, :]
    torch.manual_seed(5)
    output = layer(given, seen)
    inputs = [given, *layer.parameters()]
    gradients = torch.autograd.grad(output, inputs, above)
    torch.manual_seed(5)
    drawn = [Dropped.of(0.3) for _ in range(3)]
    doubled = [tensor.detach().double().requires_grad_() for tensor in inputs]
    expected = written_out(doubled, drawn, seen, kernels)
    torch.testing.assert_close(output.double(), expected, rtol=0, atol=1e-5)
    for ours, theirs in zip(gradients, torch.autograd.grad(expected, doubled, above.double()), strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=1e-5 * (1 + float(theirs.abs().max())))
    # And the zeros are there.
    assert not torch.allclose(output, layer(given, seen))


def written_out(
    inputs: list[torch.Tensor], drawn: list[Dropped], seen: torch.Tensor, kernels: Kernels
) -> torch.Tensor:
    states, *weights = inputs
    wq, bq, wk, bk, wv, bv, wo, bo, g1, c1, wu, bu, wd, bd, g2, c2 = weights
    x = states.view(27, 32)
    parts = [(x @ w.T + b).split(9) for w, b in ((wq, bq), (wk, bk), (wv, bv))]
    attended = torch.cat(
        [
            naive.attention(
                *row,
                heads=4,
                scaling=8**-0.5,
                seen=seen[number : number + 1],
                factors=naive.attention_factors(kernels, drawn[0], number, 4, 9),
            )
            for number, row in enumerate(zip(*parts, strict=True))
        ]
    )
    halves = [naive.factors(kernels, dropped, 27, 32) for dropped in drawn[1:]]
    y = naive.normalised_sum(attended @ wo.T + bo, x, g1, c1, 1e-12, halves[0])
    wide = nn.functional.gelu(y @ wu.T + bu)
    return naive.normalised_sum(wide @ wd.T + bd, y, g2, c2, 1e-12, halves[1]).view(3, 9, 32)


def test_the_same_draws_give_the_same_numbers(tmp_path: Path, kernels: Kernels) -> None:
    encoder = loaded(BertConfig(**SIZES), tmp_path, dropout=0.1).train()
    use_kernels(encoder, kernels)
    results = []
    for _ in range(2):
        torch.manual_seed(9)
        output = encoder(**batch()).last_hidden_state
        results.append([output, *torch.autograd.grad(output.sum(), list(layers_of(encoder).parameters()))])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_a_graph_that_is_kept_gives_its_gradient_twice(tmp_path: Path, kernels: Kernels) -> None:
    encoder = loaded(BertConfig(**SIZES), tmp_path, dropout=0.1).train()
    use_kernels(encoder, kernels)
    output = encoder(**batch()).last_hidden_state
    weights = list(layers_of(encoder).parameters())
    first = torch.autograd.grad(output.sum(), weights, retain_graph=True)
    second = torch.autograd.grad(output.sum(), weights)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_frozen_weights_below_perturbed_embeddings(tmp_path: Path, kernels: Kernels) -> None:
    """States alone may have a gradient, and weights alone."""
    plain, fast, _ = twins(BertConfig(**SIZES), tmp_path, kernels)
    found = []
    for encoder in (plain, fast):
        layer = layers_of(encoder)[0].requires_grad_(False)
        given = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(2), requires_grad=True)
        found.append(torch.autograd.grad(layer(given)[..., :7].square().sum(), given)[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)
    layer = layers_of(fast)[1]
    layer(torch.randn(2, 5, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_where_it_does_not_fit_the_class_computes(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, fast, _ = twins(BertConfig(**SIZES), tmp_path, kernels)

    def never(*_: object) -> torch.Tensor:
        raise AssertionError("the kernels were called")

    for name in ("learning", "scored"):
        monkeypatch.setattr(module, name, never)
    given = torch.randn(2, 5, 32)
    ours, theirs = layers_of(fast)[0], layers_of(plain)[0]
    additive = torch.zeros(2, 1, 5, 5)
    additive[..., 3:] = -1e9
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(given), theirs(given))
    assert torch.equal(ours.double()(given.double()), theirs.double()(given.double()))
    each_head = torch.rand(2, 4, 5, 5) < 0.8
    each_head |= torch.eye(5, dtype=torch.bool)
    # Of a type that there are no kernels for, and masks that differ from head to head.
    assert torch.equal(ours.float()(given, each_head), theirs.float()(given, each_head))


@pytest.mark.parametrize(
    "other",
    [
        {"hidden_act": "gelu_new"},
        {"hidden_act": "relu"},
        {"is_decoder": True},
        {"chunk_size_feed_forward": 2},
    ],
    ids=lambda other: next(iter(other)),
)
def test_layers_of_another_formula_are_left_alone(
    other: dict[str, object], tmp_path: Path, kernels: Kernels
) -> None:
    _, fast, count = twins(BertConfig(**SIZES | other), tmp_path, kernels)
    assert count == 0
    assert all(type(layer).__name__ == "BertLayer" for layer in layers_of(fast))


def test_another_attention_is_left_alone(kernels: Kernels) -> None:
    eager = BertModel._from_config(BertConfig(**SIZES), attn_implementation="eager")
    assert use_kernels(eager, kernels) == 0


def test_weights_come_from_the_call(tmp_path: Path, kernels: Kernels) -> None:
    """As the engine gives a pass its weights in bf16."""
    _, fast, _ = twins(BertConfig(**SIZES), tmp_path, kernels)
    layer = layers_of(fast)[0]
    assert tuple(dict(layer.named_parameters())) == WEIGHTS
    given = torch.randn(2, 5, 32)
    twice = {name: (2 * weight).detach() for name, weight in layer.named_parameters()}
    changed = functional_call(layer, twice, (given,))
    assert not torch.allclose(changed, layer(given))
    layer.load_state_dict(twice)
    assert torch.equal(changed, layer(given))


def test_it_is_saved_as_what_it_was(tmp_path: Path, kernels: Kernels) -> None:
    plain, fast, _ = twins(BertConfig(**SIZES), tmp_path, kernels)
    save_encoder(fast, tmp_path / "saved")
    again = load_encoder(tmp_path / "saved")
    assert type(again) is type(plain)
    assert all(type(layer).__name__ == "BertLayer" for layer in layers_of(again))
    for name, weight in plain.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
