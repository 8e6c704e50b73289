"""A layer of BERT (Devlin et al., 2019) as one step of autograd, of products and the compiled operations."""

from __future__ import annotations

from collections.abc import Sequence
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
    gelu_gradient,
    normalised_sum,
    normalised_sum_gradient,
)
from finesent.models.half import joined

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


def learning(
    states: torch.Tensor,
    residual: torch.Tensor | None,
    settings: Settings,
    weights: Sequence[torch.Tensor],
    copies: Sequence[torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (…, H) states that the layer makes of (…, H) states, with gradient, twice.

    A layer above may take both, one of them as its residual: the gradients of the two are added where they
    are read, which spares a pass over memory.

    Args:
        states: of a type that there are kernels for, as are the weights; of all rows, one behind the other.
        residual: the same numbers, contiguous; None to take the states.
        settings: of the layer.
        weights: in the order of :data:`WEIGHTS`; theirs is the gradient.
        copies: of the weights, in the states' type, to compute with; None to compute with the weights.
    """
    made: tuple[torch.Tensor, torch.Tensor] = _Layer.apply(  # type: ignore[no-untyped-call]
        states.contiguous(), residual, settings, copies, *weights
    )
    return made


def scored(states: torch.Tensor, layer: Any, settings: Settings) -> torch.Tensor:
    """Return the same without gradient, by the products of the layer's own modules.

    Args:
        states: (…, H), of all rows, one behind the other.
        layer: with the parts that :data:`WEIGHTS` names.
        settings: of the layer.
    """
    kernels = settings.kernels
    x = states.reshape(-1, states.shape[-1])
    attend, halves = layer.attention.self, (layer.attention.output, layer.output)
    branch, _ = attention(kernels, settings.heads, (attend.query(x), attend.key(x), attend.value(x)))
    for half, epsilon, p in zip(halves, settings.epsilons, settings.p, strict=True):
        if half is layer.output:
            branch = gelu(kernels, layer.intermediate.dense(x))
        norm, dropped = half.LayerNorm, Dropped.of(p)
        x, _ = normalised_sum(
            kernels, half.dense(branch), None, x, norm.weight, norm.bias, epsilon, dropped, keep=False
        )
    return x.view_as(states)


class _Layer(torch.autograd.Function):
    """The biases are added where a product is read next, which spares a pass over what it made."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        residual: torch.Tensor | None,
        settings: Settings,
        copies: Sequence[torch.Tensor] | None,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        wq, bq, wk, bk, wv, bv, wo, bo, w_first, b_first, w_up, b_up, w_down, b_down, w_second, b_second = (
            copies or weights
        )
        kernels, heads, epsilons, p = settings.kernels, settings.heads, settings.epsilons, settings.p
        x = states.view(-1, states.shape[-1])
        w_parts, b_parts = joined(wq, wk, wv), joined(bq, bk, bv)
        parts = x @ w_parts.t()
        seen, softmax = attention(kernels, heads, parts, b_parts)
        branch = seen @ wo.t()
        y, first = normalised_sum(kernels, branch, bo, x, w_first, b_first, epsilons[0], Dropped.of(p[0]))
        wide = y @ w_up.t()
        slopes = torch.empty_like(wide)
        active = gelu(kernels, wide, b_up, slopes)
        branch = active @ w_down.t()
        z, second = normalised_sum(
            kernels, branch, b_down, y, w_second, b_second, epsilons[1], Dropped.of(p[1])
        )
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(
            states,
            *(w_parts, b_parts, wo, w_first, w_up, w_down, w_second),
            *(parts, seen, softmax, y, slopes, active),
            *(first.sums, first.means, second.sums, second.means),
        )
        ctx.settings, ctx.dropped = settings, (first.dropped, second.dropped)
        ctx.apart = residual is not None
        return z.view_as(states), z.view_as(states)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        states, *saved = ctx.saved_tensors
        w_parts, b_parts, wo, w_first, w_up, w_down, w_second = saved[:7]
        parts, seen, softmax, y, slopes, active = saved[7:13]
        first, second = (
            Normalised(sums, means, dropped)
            for sums, means, dropped in zip(saved[13::2], saved[14::2], ctx.dropped, strict=True)
        )
        kernels, heads = ctx.settings.kernels, ctx.settings.heads
        x = states.view(-1, states.shape[-1])
        above, *more = (g.reshape(x.shape).contiguous() for g in gradients if g is not None)
        learns = any(ctx.needs_input_grad[4:])

        def of_weight(above: torch.Tensor, below: torch.Tensor) -> torch.Tensor | None:
            return above.t() @ below if learns else None

        # Each weight's gradient as soon as there is what it is made of, which is in a core's cache then.
        lower = normalised_sum_gradient(kernels, above, second, w_second, *more)
        to_w_down = of_weight(lower.branch, active)
        to_wide = lower.branch @ w_down
        to_b_up = gelu_gradient(kernels, to_wide, slopes)
        to_w_up = of_weight(to_wide, y)
        upper = normalised_sum_gradient(kernels, lower.residual, first, w_first, to_wide @ w_up)
        to_wo = of_weight(upper.branch, seen)
        to_seen = upper.branch @ wo
        to_parts, to_b_parts = attention_gradient(kernels, heads, to_seen, softmax, parts, b_parts)
        to_w_parts = of_weight(to_parts, x)
        to_states, to_residual = None, None
        if ctx.apart:
            to_residual = upper.residual.view_as(states) if ctx.needs_input_grad[1] else None
            to_states = (to_parts @ w_parts).view_as(states) if ctx.needs_input_grad[0] else None
        elif ctx.needs_input_grad[0]:
            to_states = upper.residual.addmm_(to_parts, w_parts).view_as(states)
        if to_w_parts is None:
            return to_states, to_residual, None, None, *[None] * len(WEIGHTS)
        return (
            *(to_states, to_residual, None, None),
            *(grad for both in zip(to_w_parts.chunk(3), to_b_parts.chunk(3), strict=True) for grad in both),
            *(to_wo, upper.added, upper.weight, upper.bias),
            *(to_w_up, to_b_up),
            *(to_w_down, lower.added, lower.weight, lower.bias),
        )
