"""Letting the layers of a pretrained encoder compute with the compiled operations."""

from __future__ import annotations

from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.activations import GELUActivation

from finesent.kernels.layer import WEIGHTS, Settings, learning, scored
from finesent.kernels.library import Kernels, supported
from finesent.kernels.operations import Dropped, Heads
from finesent.kernels.passes import Passes
from finesent.models.attention import WRITTEN_OUT
from finesent.models.dropout import Dropout

_weights_of = attrgetter(*WEIGHTS)
# Of the arguments of a layer of BERT, those that change nothing where it is an encoder's.
_IDLE = ("position_ids", "use_cache", "encoder_attention_mask", "output_hidden_states")


def use_kernels(encoder: PreTrainedModel, kernels: Kernels) -> int:
    """Let each layer of the shape of BERT's compute with the kernels; return how many there are.

    Parameters, modules and their names stay. A layer computes as its class does wherever the kernels cannot:
    on another device, in another type, for a mask of another kind.
    """
    if encoder.config._attn_implementation != WRITTEN_OUT:
        return 0
    found = [module for module in encoder.modules() if _is_of_the_shape(module)]
    for layer in found:
        if isinstance(layer, _WithKernels):
            continue
        # The class alone changes, to one that falls back on the old.
        layer.__class__ = _with_kernels(type(layer))  # type: ignore[arg-type]
        object.__setattr__(layer, "_kernels", kernels)
    if Passes.suit(encoder, len(found)):
        # No part of the module: neither saved nor shown.
        object.__setattr__(encoder, "compiled_passes", Passes(encoder, kernels))
    return len(found)


class _WithKernels(nn.Module):
    _kernels: Kernels
    # The parts of a layer of BERT.
    attention: Any
    output: Any

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return (B, L, H) states of (B, L, H) states."""
        weights = _weights_of(self)
        given = [*args, *(value for name, value in kwargs.items() if name not in _IDLE)]
        asked = any(value is not None and value is not False for value in given)
        if asked or not _fits(hidden_states, attention_mask, weights):
            states: torch.Tensor = super().forward(hidden_states, attention_mask, *args, **kwargs)
            return states
        settings = self.settings(_even(*hidden_states.shape[:2]), attention_mask)
        if torch.is_grad_enabled():
            return learning(hidden_states, None, settings, weights)[0]
        return scored(hidden_states, self, settings)

    def settings(self, starts: torch.Tensor, mask: torch.Tensor | None) -> Settings:
        """What the layer computes with beside its weights, for rows that start there and their mask."""
        attend, halves = self.attention.self, (self.attention.output, self.output)
        dropped, *p = (module.dropout.p if self.training else 0.0 for module in (attend, *halves))
        return Settings(
            kernels=self._kernels,
            heads=Heads(starts, attend.num_attention_heads, attend.scaling, mask, Dropped.of(dropped)),
            epsilons=(halves[0].LayerNorm.eps, halves[1].LayerNorm.eps),
            p=(p[0], p[1]),
        )


@lru_cache
def _even(rows: int, tokens: int) -> torch.Tensor:
    """Where rows start that all have so many tokens."""
    return torch.arange(rows + 1) * tokens


@cache
def _with_kernels(layer: type[nn.Module]) -> type[nn.Module]:
    return type(f"{layer.__name__}WithKernels", (_WithKernels, layer), {})


def _fits(states: torch.Tensor, mask: torch.Tensor | None, weights: tuple[torch.Tensor, ...]) -> bool:
    if torch.is_autocast_enabled("cpu") or not supported(states, *weights):
        return False
    # One mask for all heads.
    return mask is None or (mask.dtype == torch.bool and mask.dim() == 4 and mask.shape[1] == 1)


def _is_of_the_shape(layer: nn.Module) -> bool:
    """Whether a layer has the parts of BERT's, and makes of them what BERT does."""
    if tuple(name for name, _ in layer.named_parameters()) != WEIGHTS:
        return False
    kinds = {
        "attention.self.query": nn.Linear,
        "attention.self.key": nn.Linear,
        "attention.self.value": nn.Linear,
        "attention.self.dropout": Dropout,
        "attention.output.dense": nn.Linear,
        "attention.output.LayerNorm": nn.LayerNorm,
        "attention.output.dropout": Dropout,
        "intermediate.dense": nn.Linear,
        "intermediate.intermediate_act_fn": GELUActivation,
        "output.dense": nn.Linear,
        "output.LayerNorm": nn.LayerNorm,
        "output.dropout": Dropout,
    }
    modules = dict(layer.named_modules())
    if any(type(modules.get(name)) is not kind for name, kind in kinds.items()):
        return False
    if modules["intermediate.intermediate_act_fn"].act is not nn.functional.gelu:
        return False
    attention = modules["attention.self"]
    described = all(hasattr(attention, name) for name in ("num_attention_heads", "scaling", "is_causal"))
    plain = described and not attention.is_causal and not getattr(layer, "is_decoder", False)
    return plain and getattr(layer, "chunk_size_feed_forward", 0) == 0
