"""What encoders of BERT's kind begin with (Devlin et al., 2019), words' rows in it, as a step of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from dataclasses import dataclass
from typing import Any

import torch

from finesent.kernels.library import Kernels, Looked, address, addresses
from finesent.kernels.operations import Dropped

# The weights that a call may bring, in the order in which they are used.
WEIGHTS = ("position_embeddings.weight", "token_type_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias")


@dataclass(frozen=True)
class Settings:
    """What embeddings are made with beside ids and weights.

    Attributes:
        kernels: loaded.
        padding: the id whose row never learns; None for none.
        sparse: whether the table's gradient holds the rows that were looked up alone.
        epsilon: of the normalisation.
        dropped: of what was normalised.
        first: the position of a row's first token.
    """

    kernels: Kernels
    padding: int | None
    sparse: bool
    epsilon: float
    dropped: Dropped
    first: int = 0


def embedded(
    ids: torch.Tensor,
    starts: torch.Tensor,
    table: torch.Tensor,
    settings: Settings,
    weights: Sequence[torch.Tensor],
    copies: Sequence[torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return ``dropout(LayerNorm(word + position + type))`` of tokens of the first type, with gradient.

    Args:
        ids: (T,) int64, of the tokens of B rows, one behind the other.
        starts: (B + 1,) int64, the number of each row's first token, and T.
        table: (V, H) float32, of words.
        settings: of the embeddings.
        weights: in the order of :data:`WEIGHTS`, all of one type; theirs is the gradient.
        copies: of the weights, in a type that there are kernels for, to compute with; None for themselves.

    Returns:
        (T, H) of the type that is computed with.

    Raises:
        IndexError: an id beyond the table, or a row of more tokens than positions.
    """
    if len(ids):
        least, most = ids.aminmax()
        if least < 0 or most >= len(table):
            raise IndexError(f"an id of {int(most if most >= len(table) else least)}; words: {len(table)}")
        longest, there = int(starts.diff().max()), len(weights[0]) - settings.first
        if longest > there:
            raise IndexError(f"{longest} tokens; positions: {there}")
    made: torch.Tensor = _Embedded.apply(  # type: ignore[no-untyped-call]
        ids.contiguous(), starts.contiguous(), settings, copies, table, *weights
    )
    return made


class _Embedded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        ids: torch.Tensor,
        starts: torch.Tensor,
        settings: Settings,
        copies: Sequence[torch.Tensor] | None,
        table: torch.Tensor,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        positions, types, weight, bias = (each.contiguous() for each in copies or weights)
        output = weight.new_empty(len(ids), len(weight))
        sums, means = torch.empty_like(output), torch.empty(2, len(ids))
        made, given = (output, sums), (positions, types, weight, bias)
        settings.kernels["embeddings", weight.dtype](
            _looked(ids, starts, table, settings),
            *map(address, made),
            *addresses(means),
            *map(address, given),
        )
        ctx.save_for_backward(ids, starts, table, positions, types, weight, sums, means)
        ctx.settings = settings
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        ids, starts, table, positions, types, weight, sums, means = ctx.saved_tensors
        settings, above = ctx.settings, gradients[0].contiguous()
        to_words = table.new_empty(len(ids), table.shape[1])
        to_positions, to_types = torch.zeros_like(positions), torch.zeros_like(types)
        to_weight, to_bias = torch.empty_like(weight), torch.empty_like(weight)
        results = (to_words, to_positions, to_types, to_weight, to_bias)
        settings.kernels["embeddings_gradient", weight.dtype](
            *(_looked(ids, starts, table, settings), *map(address, (*results, above, sums))),
            *(*addresses(means), address(weight)),
        )
        to_table = _of_table(ids, to_words, table, settings) if ctx.needs_input_grad[4] else None
        return None, None, None, None, to_table, to_positions, to_types, to_weight, to_bias


def _looked(ids: torch.Tensor, starts: torch.Tensor, table: torch.Tensor, settings: Settings) -> object:
    rows, dropped = (len(starts) - 1, table.shape[1], starts.data_ptr(), settings.first), settings.dropped
    words = ids.data_ptr(), table.data_ptr()
    return byref(Looked(*rows, *words, settings.epsilon, dropped.zeroed, dropped.key))


def _of_table(
    ids: torch.Tensor, to_words: torch.Tensor, table: torch.Tensor, settings: Settings
) -> torch.Tensor:
    """The (V, H) gradient of the table, from those of the (T, H) rows that were looked up."""
    numbers = ids
    if settings.padding is not None:
        learning = numbers != settings.padding
        if not learning.all():
            numbers, to_words = numbers[learning], to_words[learning]
    if settings.sparse:
        return torch.sparse_coo_tensor(numbers[None], to_words, table.shape, check_invariants=False)
    return torch.zeros_like(table).index_add_(0, numbers, to_words)
