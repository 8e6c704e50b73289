"""Passes through an encoder of BERT's kind whose every part computes with the compiled operations.

Its class's own pass spends more time on what a short batch does not need (other masks, other outputs, weights
put in and taken out again) than some of the parts take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import torch
from torch import nn
from transformers.models.bert.modeling_bert import BertEmbeddings, BertModel

from finesent.kernels import embeddings, layer
from finesent.kernels.library import Kernels, supported
from finesent.kernels.operations import Dropped
from finesent.models.dropout import Dropout
from finesent.models.lookup import WordEmbeddings


class Passes:
    """Passes with gradient.

    Args:
        encoder: that :meth:`suit`.
        kernels: loaded.
    """

    def __init__(self, encoder: Any, kernels: Kernels) -> None:
        self._kernels = kernels
        self._encoder = encoder
        self._embeddings = encoder.embeddings
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
        # Of the very classes: others may count positions differently.
        if type(encoder) is not BertModel or type(encoder.embeddings) is not BertEmbeddings:
            return False
        parts = encoder.embeddings
        kinds = [type(part) for part in (parts.word_embeddings, parts.LayerNorm, parts.dropout)]
        return kinds == [WordEmbeddings, nn.LayerNorm, Dropout] and compiled == len(encoder.encoder.layer)

    def states(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        weights: Mapping[str, torch.Tensor] | None,
    ) -> Sequence[torch.Tensor] | None:
        """Return the (B, L, H) states of every layer, or None where the class's own pass is needed.

        Args:
            input_ids: (B, L).
            attention_mask: (B, L), 1 where there is a token.
            weights: by name, used in place of the encoder's own; all but the table of words.
        """
        if not torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or self._watched():
            return None
        named = dict(self._encoder.named_parameters()) if weights is None else weights
        first, *others = (of(named) for of in (self._of_embeddings, *self._of_layers))
        table = self._embeddings.word_embeddings.weight
        if not supported(*first, *chain(*others)) or table.dtype != torch.float32 or not table.is_cpu:
            return None
        mask = None if attention_mask.all() else attention_mask.bool()[:, None, None, :]
        states = again = self._embed(input_ids, first)
        found = []
        for each, given in zip(self._layers, others, strict=True):
            settings = each.settings(input_ids.shape, mask)
            states, again = layer.learning(states, again, given, settings)
            found.append(states)
        return found

    def _watched(self) -> bool:
        """Whether somebody reads, or changes, what a part gives while a pass goes on."""
        parts = (self._embeddings, self._embeddings.word_embeddings, *self._layers)
        return any(part._forward_hooks or "forward" in part.__dict__ for part in parts)

    def _embed(self, input_ids: torch.Tensor, weights: tuple[torch.Tensor, ...]) -> torch.Tensor:
        parts = self._embeddings
        table = parts.word_embeddings
        if table.before_lookup is not None:
            table.before_lookup(input_ids)
        settings = embeddings.Settings(
            kernels=self._kernels,
            padding=table.padding_idx,
            sparse=table.sparse,
            epsilon=parts.LayerNorm.eps,
            dropped=Dropped.of(parts.dropout.p if parts.dropout.training else 0.0),
        )
        return embeddings.embedded(input_ids, table.weight, weights, settings)
