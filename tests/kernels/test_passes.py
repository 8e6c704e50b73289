"""Passes made of compiled parts give what the encoder's class gives, and are made only where they can."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    CamembertConfig,
    DistilBertConfig,
    ElectraConfig,
    PretrainedConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from finesent.kernels.encoder import use_kernels
from finesent.kernels.library import Kernels
from finesent.kernels.passes import Passes
from finesent.models.encoder import layers_of, token_states
from finesent.models.half import HalfWeights
from finesent.models.hooks import output_changed
from finesent.models.prefix import Recorder
from tests.kernels.test_encoder import batch, loaded, twins
from tests.models.families import SIZES

CONFIG = BertConfig(**SIZES)
FAMILIES = [
    CONFIG,
    RobertaConfig(**SIZES),
    XLMRobertaConfig(**SIZES),
    CamembertConfig(**SIZES),
    ElectraConfig(**SIZES, embedding_size=32),
]


def passes_of(encoder: nn.Module) -> Any:
    return getattr(encoder, "compiled_passes", None)


def results(
    encoder: BertModel, layers: int, half: bool, padded: bool = True
) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """States where there is a token, and the gradients of something of them."""
    given = batch()
    if not padded:
        given = {name: tensor[:, :1] for name, tensor in given.items()}
    weights = HalfWeights().of(encoder) if half else None
    mask = given["attention_mask"]
    found = [each[mask.bool()] for each in token_states(encoder, given["input_ids"], mask, layers, weights)]
    # The squares of what was normalised would always have one sum.
    torch.stack([each[:, :7].float().square().sum() for each in found]).sum().backward()
    return found, {name: p.grad.to_dense() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("padded", [True, False], ids=["padded", "full"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_states_and_gradients_are_those_of_the_class(
    config: PretrainedConfig, half: bool, layers: int, padded: bool, tmp_path: Path, kernels: Kernels
) -> None:
    plain, fast, _ = twins(config, tmp_path, kernels)
    assert passes_of(plain) is None
    assert passes_of(fast) is not None
    wanted, found = (results(each.train(), layers, half, padded) for each in (plain, fast))
    # Two units in the last place of numbers up to 4, as which some come out.
    near = 2**-5 if half else 1e-5
    for ours, theirs in zip(found[0], wanted[0], strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=0, atol=near)
    assert found[1].keys() == wanted[1].keys()
    for name, gradient in wanted[1].items():
        scale = float(gradient.abs().max()) + 1
        torch.testing.assert_close(found[1][name], gradient, rtol=0, atol=near * scale, msg=name)


@pytest.fixture
def fast(tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> BertModel:
    """An encoder that counts how often its class's pass is made."""
    _, encoder, _ = twins(CONFIG, tmp_path, kernels)
    calls: list[None] = []
    original = BertModel.forward

    def counted(self: BertModel, *args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(BertModel, "forward", counted)
    object.__setattr__(encoder, "calls", calls)
    return encoder.train()  # type: ignore[no-any-return]


def made_by_the_class(encoder: Any) -> bool:
    before = len(encoder.calls)
    token_states(encoder, batch()["input_ids"], batch()["attention_mask"], 1)
    return bool(len(encoder.calls) > before)


def test_a_pass_with_gradient_is_made_of_parts(fast: BertModel) -> None:
    assert not made_by_the_class(fast)


@pytest.mark.parametrize("what", ["no gradient", "autocast", "words seen", "embeddings seen", "layer seen"])
def test_other_passes_are_the_class_s(what: str, fast: BertModel) -> None:
    seen = {
        "words seen": fast.embeddings.word_embeddings,
        "embeddings seen": fast.embeddings,
        "layer seen": layers_of(fast)[0],
    }
    inside: Any = nullcontext()
    if what == "no gradient":
        inside = torch.no_grad()
    elif what == "autocast":
        inside = torch.autocast("cpu", dtype=torch.bfloat16)
    else:
        inside = output_changed(seen[what], lambda output: output)
    with inside:
        assert made_by_the_class(fast)
    assert not made_by_the_class(fast)


def test_a_layer_that_hands_on_is_asked(fast: BertModel) -> None:
    """As where a pass begins at states that were kept."""
    layer = layers_of(fast)[0]
    layer.forward = lambda states, *_, **__: states  # type: ignore[method-assign]
    assert made_by_the_class(fast)
    del layer.forward
    assert not made_by_the_class(fast)


def test_a_number_that_pads_among_the_tokens_is_the_class_s(tmp_path: Path, kernels: Kernels) -> None:
    """RoBERTa counts it for no position."""
    plain, fast, _ = twins(RobertaConfig(**SIZES), tmp_path, kernels)
    ids, mask = torch.tensor([[7, 1, 8, 9]]), torch.ones(1, 4, dtype=torch.long)
    with torch.no_grad():
        wanted = token_states(plain.eval(), ids, mask, 1)[0]
    found = token_states(fast.eval(), ids, mask, 1)[0]
    torch.testing.assert_close(found.detach(), wanted, rtol=0, atol=1e-5)
    ids[0, 1] = 6
    assert not torch.allclose(token_states(fast, ids, mask, 1)[0][0, 2], wanted[0, 2], atol=1e-2)


def test_padding_before_a_token_is_the_class_s(fast: BertModel) -> None:
    before = len(fast.calls)  # type: ignore[arg-type]
    token_states(fast, torch.tensor([[0, 7, 8]]), torch.tensor([[0, 1, 1]]), 1)
    assert len(fast.calls) == before + 1  # type: ignore[arg-type]


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])
def test_a_pass_that_begins_at_states_gives_what_a_whole_one_does(half: bool, fast: BertModel) -> None:
    """And teaches the layers above them alone."""
    given, layers = batch(), layers_of(fast)
    fast.requires_grad_(False)
    layers[1].requires_grad_(True)
    lengths = given["attention_mask"].sum(1).numpy()
    recorder = Recorder(layers, [1], lengths)
    weights = HalfWeights().of(fast) if half else None
    with recorder.over(np.arange(3)), torch.no_grad():
        token_states(fast, given["input_ids"], given["attention_mask"], 1, weights)
    found = []
    for prefix in (None, recorder.result()[1]):
        (states,) = token_states(
            fast,
            given["input_ids"],
            given["attention_mask"],
            1,
            weights,
            prefix,  # type: ignore[arg-type]
        )
        learning = [p for p in fast.parameters() if p.requires_grad]
        found.append([states, *torch.autograd.grad(states[..., :7].float().square().sum(), learning)])
    for begun, whole in zip(found[1], found[0], strict=True):
        near = (3e-2 if half else 1e-5) * (1 + float(whole.detach().abs().max()))
        torch.testing.assert_close(begun, whole, rtol=0, atol=near)


def test_what_fills_up_and_what_pads_teaches_nothing(fast: BertModel) -> None:
    """Rows with padding between them, and each row alone, have the same gradients."""
    given = batch()
    whole = token_states(fast, given["input_ids"], given["attention_mask"], 1)[0]
    loss = (whole[..., :7] * given["attention_mask"][..., None]).square().sum()
    learning = list(fast.parameters())
    wanted = torch.autograd.grad(loss, learning)
    summed = [torch.zeros_like(weight) for weight in learning]
    for ids, mask in zip(given["input_ids"], given["attention_mask"], strict=True):
        alone = token_states(fast, ids[mask.bool()][None], mask[mask.bool()][None], 1)[0]
        for total, gradient in zip(
            summed, torch.autograd.grad(alone[..., :7].square().sum(), learning), strict=True
        ):
            total += gradient
    for ours, theirs in zip(summed, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4 * (1 + float(theirs.abs().max())))


def test_another_type_of_number_is_the_class_s(fast: BertModel) -> None:
    assert made_by_the_class(fast.double())


@pytest.mark.parametrize(
    "config",
    [
        DistilBertConfig(vocab_size=300, dim=32, n_layers=2, n_heads=4, hidden_dim=64),
        ElectraConfig(**SIZES, embedding_size=16),
        BertConfig(**SIZES, hidden_act="relu"),
    ],
    ids=["another class", "narrow embeddings", "relu"],
)
def test_other_encoders_have_no_such_passes(
    config: PretrainedConfig, tmp_path: Path, kernels: Kernels
) -> None:
    encoder = loaded(config, tmp_path)
    use_kernels(encoder, kernels)
    assert passes_of(encoder) is None


def test_lookups_are_announced_and_may_be_sparse(fast: BertModel) -> None:
    looked: list[torch.Tensor] = []
    table: Any = fast.embeddings.word_embeddings
    table.before_lookup, table.sparse = looked.append, True
    given = batch()
    token_states(fast, given["input_ids"], given["attention_mask"], 1)[0][..., :7].sum().backward()
    real, padding = given["input_ids"][given["attention_mask"].bool()], table.padding_idx
    assert looked[0][: len(real)].tolist() == real.tolist()
    assert set(looked[0][len(real) :].tolist()) <= {padding}
    assert table.weight.grad.is_sparse
    assert padding not in table.weight.grad.coalesce().indices()


def test_dropout_is_applied_in_training_alone(tmp_path: Path, kernels: Kernels) -> None:
    encoder = loaded(CONFIG, tmp_path, dropout=0.3)
    use_kernels(encoder, kernels)
    given = batch()["input_ids"], batch()["attention_mask"], 1
    for training in (True, False):
        encoder.train(training)
        torch.manual_seed(4)
        first, second = token_states(encoder, *given)[0], token_states(encoder, *given)[0]
        assert torch.equal(first, second) == (not training)
        torch.manual_seed(4)
        assert torch.equal(token_states(encoder, *given)[0], first)


def test_a_copy_computes_with_its_own_weights(fast: BertModel) -> None:
    twin = copy.deepcopy(fast)
    assert isinstance(passes_of(twin), Passes)
    with torch.no_grad():
        twin.embeddings.LayerNorm.bias += 1.0
    given = batch()["input_ids"], batch()["attention_mask"], 1
    assert not torch.allclose(token_states(twin, *given)[0], token_states(fast, *given)[0])
    with torch.no_grad():
        twin.embeddings.LayerNorm.bias -= 1.0
    torch.testing.assert_close(token_states(twin, *given)[0], token_states(fast, *given)[0])
