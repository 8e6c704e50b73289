"""Attention on a CPU, in operations of its own.

PyTorch's spends most of its time on drawing dropout's mask where there is one, and is the slower one for
short texts in bf16 where there is none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from finesent.models.dropout import dropout as cheap_dropout

WRITTEN_OUT = "written_out"
# What changes the formula below, where an architecture passes it.
_VARIANTS = ("position_bias", "softcap", "cache", "s_aux")
# Tokens up to which it is no slower than PyTorch's where there is no dropout, in bf16. With more of them the
# scores, which PyTorch never has in memory at once, cost more than they save.
_SHORT = 256


def use_cheap_attention(encoder: PreTrainedModel) -> None:
    """Give an encoder that leaves attention to PyTorch this attention instead."""
    if encoder.config._attn_implementation == "sdpa":
        encoder.set_attn_implementation(WRITTEN_OUT)


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """``softmax(Q K^T · scaling + mask) V`` with dropout on the softmax (Vaswani et al., 2017, equation 1).

    PyTorch's own is called on other devices, for variants of the formula, and where there is no dropout, but
    for passes of short texts in bf16 that ask for no gradient.

    Args:
        module: of which it is the attention.
        query: (B, A, L, D).
        key: (B, A, L, D).
        value: (B, A, L, D).
        attention_mask: broadcast to (B, A, L, L); true where a query sees a key. None hides nothing.
        dropout: probability of a zero; 0 outside training.
        scaling: of the scores; by default 1 / sqrt(D).
        others: what transformers passes besides.

    Returns:
        (B, L, A, D) and None, for the probabilities are not kept.
    """
    plain = query.shape == key.shape and all(others.get(name) is None for name in _VARIANTS)
    if attention_mask is None:
        # Then a causal mask is up to this function, as transformers has it.
        causal = others.get("is_causal")
        plain = plain and not (getattr(module, "is_causal", True) if causal is None else causal)
    else:
        plain = plain and attention_mask.dtype == torch.bool
    if query.device.type != "cpu" or not plain or not _pays(query, dropout):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    # Scaled before the product, which is larger.
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = query @ key.transpose(-1, -2)
    if attention_mask is not None:
        # Behind autograd's back: what softmax makes 0 has no gradient anyway, and nobody keeps the scores.
        with torch.no_grad():
            scores.masked_fill_(~attention_mask, -torch.inf)
    shares = cheap_dropout(scores.softmax(dim=-1), dropout)
    return (shares @ value).transpose(1, 2).contiguous(), None


def _pays(query: torch.Tensor, dropout: float) -> bool:
    if dropout > 0.0:
        return True
    return not torch.is_grad_enabled() and query.dtype == torch.bfloat16 and query.shape[-2] <= _SHORT


AttentionInterface.register(WRITTEN_OUT, attention)
AttentionMaskInterface.register(WRITTEN_OUT, sdpa_mask)
