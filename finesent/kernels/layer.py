"""A layer of BERT (Devlin et al., 2019) as one step of autograd, of products and the compiled operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from finesent.kernels.library import Kernels
from finesent.kernels.operations import (
    Dropped,
    Heads,
    Normalised,
    attention,
    attention_gradient,
    gelu,
    normalised_sum,
    normalised_sum_gradient,
)

# The weights in the order in which they are used, as a layer of BERT and its kin names them.
WEIGHTS = tuple(
    f"{module}.{what}"
    for module in (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    )
    for what in ("weight", "bias")
)


@dataclass(frozen=True)
class Settings:
    """What a layer is given beside states and weights.

    Attributes:
        kernels: loaded.
        heads: of its attention.
        epsilons: of its two normalisations.
        p: probabilities of a zero in what the two halves add to their residuals.
    """

    kernels: Kernels
    heads: Heads
    epsilons: tuple[float, float]
    p: tuple[float, float]


def learning(states: torch.Tensor, weights: tuple[torch.Tensor, ...], settings: Settings) -> torch.Tensor:
    """Return the (B, L, H) states that the layer makes of (B, L, H) states, with gradient.

    Args:
        states: of a type that there are kernels for, as are the weights.
        weights: in the order of :data:`WEIGHTS`.
        settings: of the layer.
    """
    made: torch.Tensor = _Layer.apply(states.contiguous(), settings, *weights)  # type: ignore[no-untyped-call]
    return made


def scored(states: torch.Tensor, layer: Any, settings: Settings) -> torch.Tensor:
    """Return the same without gradient, by the products of the layer's own modules.

    Args:
        states: (B, L, H).
        layer: with the parts that :data:`WEIGHTS` names.
        settings: of the layer.
    """
    kernels = settings.kernels
    x = states.reshape(-1, states.shape[-1])
    attend, halves = layer.attention.self, (layer.attention.output, layer.output)
    branch, _ = attention(kernels, settings.heads, attend.query(x), attend.key(x), attend.value(x))
    for half, epsilon, p in zip(halves, settings.epsilons, settings.p, strict=True):
        if half is layer.output:
            branch = gelu(kernels, layer.intermediate.dense(x))
        norm, dropped = half.LayerNorm, Dropped.of(p)
        x, _ = normalised_sum(
            kernels, half.dense(branch), x, norm.weight, norm.bias, epsilon, dropped, keep=False
        )
    return x.view_as(states)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, settings: Settings, *weights: torch.Tensor) -> torch.Tensor:
        wq, bq, wk, bk, wv, bv, wo, bo, w_first, b_first, w_up, b_up, w_down, b_down, w_second, b_second = (
            weights
        )
        kernels, heads, epsilons, p = settings.kernels, settings.heads, settings.epsilons, settings.p
        x = states.view(-1, states.shape[-1])
        query, key, value = (torch.addmm(b, x, w.t()) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
        seen, softmax = attention(kernels, heads, query, key, value)
        branch = torch.addmm(bo, seen, wo.t())
        y, first = normalised_sum(kernels, branch, x, w_first, b_first, epsilons[0], Dropped.of(p[0]))
        wide = torch.addmm(b_up, y, w_up.t())
        slopes = torch.empty_like(wide)
        active = gelu(kernels, wide, slopes)
        branch = torch.addmm(b_down, active, w_down.t())
        z, second = normalised_sum(kernels, branch, y, w_second, b_second, epsilons[1], Dropped.of(p[1]))
        ctx.save_for_backward(
            states,
            *(wq, wk, wv, wo, w_first, w_up, w_down, w_second),
            *(query, key, value, seen, softmax),
            *(y, first.sums, first.means, slopes, active, second.sums, second.means),
        )
        ctx.settings, ctx.dropped = settings, (first.dropped, second.dropped)
        return z.view_as(states)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, *saved = ctx.saved_tensors
        wq, wk, wv, wo, w_first, w_up, w_down, w_second = saved[:8]
        query, key, value, seen, softmax = saved[8:13]
        y, *of_first, slopes, active = saved[13:18]
        first, second = (
            Normalised(sums, means, dropped)
            for (sums, means), dropped in zip((of_first, saved[18:]), ctx.dropped, strict=True)
        )
        kernels, heads = ctx.settings.kernels, ctx.settings.heads
        x = states.view(-1, states.shape[-1])
        above = gradients[0].reshape(x.shape).contiguous()
        to_down, below, g_second, c_second = normalised_sum_gradient(kernels, above, second, w_second)
        to_wide = (to_down @ w_down).mul_(slopes)
        below.addmm_(to_wide, w_up)
        to_output, result, g_first, c_first = normalised_sum_gradient(kernels, below, first, w_first)
        to_parts = attention_gradient(kernels, heads, to_output @ wo, softmax, query, key, value)
        if ctx.needs_input_grad[0]:
            for to_part, weight in zip(to_parts, (wq, wk, wv), strict=True):
                result.addmm_(to_part, weight)
        if not any(ctx.needs_input_grad[1:]):
            return result.view_as(states), None, *[None] * len(WEIGHTS)
        products = [(to_part, x) for to_part in to_parts]
        products += [(to_output, seen), (to_wide, y), (to_down, active)]
        linear = [grad for to, given in products for grad in (to.t() @ given, to.sum(0))]
        return (
            result.view_as(states),
            None,
            *linear[:8],
            g_first,
            c_first,
            *linear[8:],
            g_second,
            c_second,
        )
