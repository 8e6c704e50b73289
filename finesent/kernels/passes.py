"""Passes through an encoder of BERT's kind whose every part computes with the compiled operations.

Its class's own pass spends more time on what a short batch does not need (other masks, other outputs, weights
put in and taken out again) than some of the parts take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import nn

from finesent.kernels import embeddings, layer
from finesent.kernels.library import Kernels, supported
from finesent.kernels.operations import Dropped
from finesent.models.dropout import Dropout
from finesent.models.half import Halves
from finesent.models.lookup import WordEmbeddings
from finesent.models.packing import Packing
from finesent.models.prefix import PrefixStates

Tensors = tuple[torch.Tensor, ...]
# The classes whose embeddings are summed and normalised as BERT's are; others may do otherwise. Positions are
# counted from 0, or from behind the number that pads, over tokens that are not padding.
_FROM_ZERO = ("bert.modeling_bert.Bert", "electra.modeling_electra.Electra")
_BEHIND_PADDING = (
    "roberta.modeling_roberta.Roberta",
    "xlm_roberta.modeling_xlm_roberta.XLMRoberta",
    "camembert.modeling_camembert.Camembert",
)


class Passes:
    """Passes with gradient, over real tokens alone.

    Args:
        encoder: that :meth:`suit`.
        kernels: loaded.
    """

    def __init__(self, encoder: Any, kernels: Kernels) -> None:
        self._kernels = kernels
        self._encoder = encoder
        self._embeddings = encoder.embeddings
        behind_padding = _kind(encoder) in _BEHIND_PADDING
        self._first_position = encoder.embeddings.padding_idx + 1 if behind_padding else 0
        self._layers = encoder.encoder.layer
        self._of_embeddings = itemgetter(*(f"embeddings.{name}" for name in embeddings.WEIGHTS))
        self._of_layers = [
            itemgetter(*(f"encoder.layer.{number}.{name}" for name in layer.WEIGHTS))
            for number in range(len(self._layers))
        ]

    @staticmethod
    def suit(encoder: Any, compiled: int) -> bool:
        """Whether there can be such passes.

        Args:
            encoder: any.
            compiled: how many of its layers compute with the kernels.
        """
        # ELECTRA's embeddings may be narrower than its layers.
        if _kind(encoder) is None or hasattr(encoder, "embeddings_project"):
            return False
        parts = encoder.embeddings
        kinds = [type(part) for part in (parts.word_embeddings, parts.LayerNorm, parts.dropout)]
        return kinds == [WordEmbeddings, nn.LayerNorm, Dropout] and compiled == len(encoder.encoder.layer)

    def states(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        layers: int,
        weights: Mapping[str, torch.Tensor] | None = None,
        prefix: PrefixStates | None = None,
    ) -> Sequence[torch.Tensor] | None:
        """Return the (B, L, H) states of the uppermost layers, or None where the class's own pass is needed.

        Args:
            input_ids: (B, L).
            attention_mask: (B, L), 1 where there is a token.
            layers: how many, of the states returned; lowest first.
            weights: by name, used in place of the encoder's own; all but the table of words.
            prefix: states of these very rows, which stand in for the lowest layers.
        """
        if not torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or self._watched():
            return None
        given = _Given.of(self._encoder, weights)
        if not self._computes_with(given) or (packing := Packing.of(attention_mask)) is None:
            return None
        if prefix is not None:
            begun, states = prefix.layers, prefix.packed(packing.tokens)
        else:
            ids = packing.packed(input_ids, self._filler)
            if self._first_position and (ids[: packing.real] == self._filler).any():
                # It counts for no position, wherever it stands.
                return None
            begun, states = 0, self._embed(packing, ids, given)
        again, found = states, [states]
        for each, names in zip(self._layers[begun:], self._of_layers[begun:], strict=True):
            settings = each.settings(packing.starts, None)
            states, again = layer.learning(states, again, settings, *given[names])
            found.append(states)
        return [packing.padded(each) for each in found[-layers:]]

    def _watched(self) -> bool:
        """Whether somebody reads, or changes, what a part gives while a pass goes on."""
        parts = (self._embeddings, self._embeddings.word_embeddings, *self._layers)
        return any(part._forward_hooks or "forward" in part.__dict__ for part in parts)

    def _computes_with(self, given: _Given) -> bool:
        """Whether there are kernels for these weights."""
        table = self._embeddings.word_embeddings.weight
        # Copies are all of one kind.
        named = list(given.weights.values()) if given.copies is None else [next(iter(given.copies.values()))]
        others = [weight for weight in named if weight is not table]
        return supported(*others) and table.dtype == torch.float32 and table.is_cpu

    @property
    def _filler(self) -> int:
        padding: int | None = self._embeddings.word_embeddings.padding_idx
        return 0 if padding is None else padding

    def _embed(self, packing: Packing, ids: torch.Tensor, given: _Given) -> torch.Tensor:
        parts = self._embeddings
        table = parts.word_embeddings
        if table.before_lookup is not None:
            table.before_lookup(ids)
        settings = embeddings.Settings(
            kernels=self._kernels,
            padding=table.padding_idx,
            sparse=table.sparse,
            epsilon=parts.LayerNorm.eps,
            dropped=Dropped.of(parts.dropout.p if parts.dropout.training else 0.0),
            first=self._first_position,
        )
        return embeddings.embedded(ids, packing.starts, table.weight, settings, *given[self._of_embeddings])


def _kind(encoder: Any) -> str | None:
    """Which of these an encoder is, with embeddings of the very same kind; None for another."""
    parts = (encoder, getattr(encoder, "embeddings", None))
    names = [f"{type(part).__module__}.{type(part).__qualname__}" for part in parts]
    for kind in (*_FROM_ZERO, *_BEHIND_PADDING):
        if names == [f"transformers.models.{kind}{part}" for part in ("Model", "Embeddings")]:
            return kind
    return None


@dataclass(frozen=True)
class _Given:
    """What a pass learns and computes with.

    Attributes:
        weights: whose gradients are computed, by name.
        copies: to compute with; None for the weights.
    """

    weights: Mapping[str, torch.Tensor]
    copies: Mapping[str, torch.Tensor] | None

    @classmethod
    def of(cls, encoder: Any, weights: Mapping[str, torch.Tensor] | None) -> _Given:
        if isinstance(weights, Halves):
            return cls(weights.weights, weights.copies)
        return cls(dict(encoder.named_parameters()) if weights is None else weights, None)

    def __getitem__(self, names: itemgetter[Any]) -> tuple[Tensors, Tensors | None]:
        return names(self.weights), None if self.copies is None else names(self.copies)
