"""What BERT's layers begin with (Devlin et al., 2019), words' rows among it, as one step of autograd."""

from __future__ import annotations

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
    """

    kernels: Kernels
    padding: int | None
    sparse: bool
    epsilon: float
    dropped: Dropped


def embedded(
    ids: torch.Tensor, table: torch.Tensor, weights: tuple[torch.Tensor, ...], settings: Settings
) -> torch.Tensor:
    """Return ``dropout(LayerNorm(word + position + type))`` of tokens of the first type, with gradient.

    Args:
        ids: (B, L) int64, each row's positions being 0 .. L - 1.
        table: (V, H) float32, of words.
        weights: in the order of :data:`WEIGHTS`, all of one type that there are kernels for.
        settings: of the embeddings.

    Returns:
        (B, L, H) of the weights' type.

    Raises:
        IndexError: an id beyond the table, or more tokens than positions.
    """
    if ids.numel():
        least, most = ids.aminmax()
        if least < 0 or most >= len(table):
            raise IndexError(f"an id of {int(most if most >= len(table) else least)}; words: {len(table)}")
    if ids.shape[1] > len(weights[0]):
        raise IndexError(f"{ids.shape[1]} tokens; positions: {len(weights[0])}")
    made: torch.Tensor = _Embedded.apply(  # type: ignore[no-untyped-call]
        ids.contiguous(), settings, table, *(weight.contiguous() for weight in weights)
    )
    return made


class _Embedded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, ids: torch.Tensor, settings: Settings, table: torch.Tensor, *weights: torch.Tensor
    ) -> torch.Tensor:
        positions, types, weight, bias = weights
        output = weight.new_empty(*ids.shape, len(weight))
        sums, means = torch.empty_like(output), torch.empty(2, ids.numel())
        made, given = (output, sums), (positions, types, weight, bias)
        settings.kernels["embeddings", weight.dtype](
            _looked(ids, table, settings), *map(address, made), *addresses(means), *map(address, given)
        )
        ctx.save_for_backward(ids, table, positions, types, weight, sums, means)
        ctx.settings = settings
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        ids, table, positions, types, weight, sums, means = ctx.saved_tensors
        settings, above = ctx.settings, gradients[0].contiguous()
        to_words = table.new_empty(ids.numel(), table.shape[1])
        to_positions, to_types = torch.zeros_like(positions), torch.zeros_like(types)
        to_weight, to_bias = torch.empty_like(weight), torch.empty_like(weight)
        results = (to_words, to_positions, to_types, to_weight, to_bias)
        settings.kernels["embeddings_gradient", weight.dtype](
            *(_looked(ids, table, settings), *map(address, (*results, above, sums))),
            *(*addresses(means), address(weight)),
        )
        to_table = _of_table(ids, to_words, table, settings) if ctx.needs_input_grad[2] else None
        return None, None, to_table, to_positions, to_types, to_weight, to_bias


def _looked(ids: torch.Tensor, table: torch.Tensor, settings: Settings) -> object:
    dropped = settings.dropped
    places = ids.data_ptr(), table.data_ptr()
    return byref(Looked(*ids.shape, table.shape[1], *places, settings.epsilon, dropped.zeroed, dropped.key))


def _of_table(
    ids: torch.Tensor, to_words: torch.Tensor, table: torch.Tensor, settings: Settings
) -> torch.Tensor:
    """The (V, H) gradient of the table, from those of the (N, H) rows that were looked up."""
    numbers = ids.view(-1)
    if settings.padding is not None:
        learning = numbers != settings.padding
        if not learning.all():
            numbers, to_words = numbers[learning], to_words[learning]
    if settings.sparse:
        return torch.sparse_coo_tensor(numbers[None], to_words, table.shape, check_invariants=False)
    return torch.zeros_like(table).index_add_(0, numbers, to_words)
