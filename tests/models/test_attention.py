"""Attention in operations of its own: PyTorch's formula, and only where that formula holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from finesent.models import attention as module
from finesent.models.attention import attention
from finesent.models.dropout import dropout
from finesent.models.encoder import load_encoder
from finesent.models.saving import save_encoder

P = 0.25


class Encoding(nn.Module):
    is_causal = False


class Decoding(nn.Module):
    is_causal = True


def states(seed: int = 0, heads: int = 2) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(3, heads, 5, 4, generator=generator, requires_grad=True) for _ in range(3))


def mask() -> torch.Tensor:
    """Rows of 5, 3 and 1 tokens."""
    return (torch.arange(5) < torch.tensor([5, 3, 1])[:, None])[:, None, None, :].expand(3, 1, 5, 5)


@pytest.mark.parametrize("hidden", [None, mask()], ids=["whole", "padded"])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_without_a_zero_it_is_pytorchs(
    hidden: torch.Tensor | None, scaling: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cheap_dropout", lambda shares, p: shares)
    results = []
    for function, p in ((attention, P), (sdpa_attention_forward, 0.0)):
        inputs = states()
        output, nothing = function(Encoding(), *inputs, hidden, dropout=p, scaling=scaling)
        assert nothing is None
        gradients = torch.autograd.grad(output.square().sum(), inputs)
        results.append([output, *gradients])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_dropout_falls_on_the_softmax() -> None:
    query, key, value = states()
    torch.manual_seed(5)
    output, _ = attention(Encoding(), query, key, value, mask(), dropout=P)
    torch.manual_seed(5)
    scores = (query @ key.transpose(-1, -2) / 2).masked_fill(~mask(), -torch.inf)
    wanted = dropout(scores.softmax(dim=-1), P) @ value
    torch.testing.assert_close(output, wanted.transpose(1, 2))


@pytest.mark.parametrize(
    ("owner", "hidden", "others"),
    [
        (Encoding(), mask(), {"dropout": 0.0}),
        (Decoding(), None, {}),
        (nn.Module(), None, {}),
        (Encoding(), None, {"is_causal": True}),
        (Decoding(), None, {"is_causal": None}),
        (Encoding(), mask().float(), {}),
        (Encoding(), mask(), {"position_bias": torch.zeros(1, 2, 5, 5)}),
    ],
    ids=[
        "eval",
        "causal by module",
        "causal by default",
        "causal by call",
        "causal by module, not said by call",
        "added mask",
        "biased",
    ],
)
def test_what_is_not_the_plain_formula_is_left_to_pytorch(
    owner: nn.Module, hidden: torch.Tensor | None, others: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def asked(*_args: object, dropout: float, **_others: object) -> tuple[torch.Tensor, None]:
        seen.append(dropout)
        return torch.zeros(()), None

    monkeypatch.setattr(module, "sdpa_attention_forward", asked)
    attention(owner, *states(), hidden, **{"dropout": P, **others})
    assert seen == [others.get("dropout", P)]


@pytest.mark.parametrize("hidden", [None, mask()], ids=["whole", "padded"])
def test_without_gradient_short_texts_in_bf16_are_its_own(
    hidden: torch.Tensor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [values.bfloat16() for values in states()]
    wanted, _ = sdpa_attention_forward(Encoding(), *inputs, hidden, dropout=0.0)
    seen: list[tuple[bool, torch.dtype, int]] = []

    def asked(_owner: object, query: torch.Tensor, *_: object, **__: object) -> tuple[torch.Tensor, None]:
        seen.append((torch.is_grad_enabled(), query.dtype, query.shape[-2]))
        return torch.zeros(()), None

    monkeypatch.setattr(module, "sdpa_attention_forward", asked)
    with torch.no_grad():
        torch.testing.assert_close(attention(Encoding(), *inputs, hidden)[0], wanted, rtol=0.02, atol=0.02)
        attention(Encoding(), *[values.float() for values in inputs], hidden)
        attention(Encoding(), *[torch.zeros(1, 1, 257, 4, dtype=torch.bfloat16)] * 3, None)
    attention(Encoding(), *inputs, hidden)
    assert seen == [(False, torch.float32, 5), (False, torch.bfloat16, 257), (True, torch.bfloat16, 5)]


def test_a_loaded_backbone_has_it_and_a_saved_one_does_not_name_it(backbone: Path, tmp_path: Path) -> None:
    encoder = load_encoder(backbone)
    assert encoder.config._attn_implementation == "written_out"
    save_encoder(encoder, tmp_path / "encoder")
    assert "written_out" not in (tmp_path / "encoder" / "config.json").read_text()
    assert load_encoder(tmp_path / "encoder").config._attn_implementation == "written_out"


def test_in_training_nothing_draws_from_pytorchs_slow_generator(backbone: Path) -> None:
    encoder = load_encoder(backbone).train()
    ids, hidden = torch.ones(2, 6, dtype=torch.int64), torch.ones(2, 6, dtype=torch.int64)
    with torch.profiler.profile() as profile:
        encoder(input_ids=ids, attention_mask=hidden)
    names = {event.key for event in profile.key_averages()}
    assert not names & {"aten::bernoulli_", "aten::native_dropout"}
    assert "aten::softmax" in names
