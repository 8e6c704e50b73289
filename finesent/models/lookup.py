"""The table of word embeddings, of which a batch looks up a few hundred rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from finesent.models.hooks import output_changed


class WordEmbeddings(nn.Embedding):
    """An embedding table that says which rows are about to be looked up, and may give a sparse gradient.

    Attributes:
        before_lookup: called with the token ids of every look-up; None where nobody needs to know.
    """

    before_lookup: Callable[[torch.Tensor], None] | None = None

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return (…, H) rows of (…) token ids."""
        if self.before_lookup is not None:
            self.before_lookup(ids)
        return super().forward(ids)


def watch_lookups(encoder: PreTrainedModel) -> None:
    """Turn an encoder's table into :class:`WordEmbeddings`, where it is PyTorch's plain one."""
    table: nn.Module = encoder.get_input_embeddings()
    if type(table) is nn.Embedding and table.max_norm is None and not table.scale_grad_by_freq:
        # The class alone changes: parameter, place and hooks stay what they are.
        table.__class__ = WordEmbeddings


@contextmanager
def half_lookups(encoder: PreTrainedModel) -> Iterator[None]:
    """Inside, the encoder's word embeddings come out in bf16."""
    embeddings: nn.Module = encoder.get_input_embeddings()
    with output_changed(embeddings, lambda embedded: embedded.to(torch.bfloat16)):
        yield
