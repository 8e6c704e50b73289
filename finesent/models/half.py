"""An encoder's passes in bf16 from end to end, while the weights that learn stay float32.

Autocast turns every input of every matrix product into bf16 and keeps the rest in float32, which on a CPU
makes many copies. Here the weights are turned once a batch and the states stay bf16 between
layers, where normalisation and softmax still add up in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import PreTrainedModel

from finesent.models.encoder import Encoder
from finesent.models.hooks import output_changed

Stamp = tuple[int, int]


class HalfWeights:
    """The weights of encoders in bf16. What is frozen is turned once.

    Attributes:
        followed: whether whoever moves a weight moves its copy too; what learns is turned for every batch
            else.
    """

    def __init__(self) -> None:
        self.followed = False
        self._copies = WeakTensorKeyDictionary()

    def of(self, encoder: PreTrainedModel) -> dict[str, torch.Tensor]:
        """Return each weight in bf16 by its name, with gradient where it learns.

        The word embeddings are left out: of that large table a pass needs a few rows, which are turned
        after they were looked up (:func:`half_embeddings`).
        """
        weights = dict(half_parameters(encoder))
        copies = {name: self._copy(weight) for name, weight in weights.items()}
        learning = [name for name, weight in weights.items() if weight.requires_grad]
        if not learning or not torch.is_grad_enabled():
            return copies
        turned = _Turned.apply(  # type: ignore[no-untyped-call]
            [copies[name] for name in learning], *(weights[name] for name in learning)
        )
        return copies | dict(zip(learning, turned, strict=True))

    def copy_of(self, weight: nn.Parameter) -> torch.Tensor | None:
        """Return a weight's copy, if it is followed and still is what the weight is."""
        return self._current(weight) if self.followed else None

    def _copy(self, weight: nn.Parameter) -> torch.Tensor:
        # A fused optimizer step does not count as a change below, so nothing that has learned since is kept.
        if weight.requires_grad and not self.followed:
            self._copies.pop(weight, None)  # type: ignore[no-untyped-call]
            return weight.detach().to(torch.bfloat16)
        copy = self._current(weight)
        if copy is None:
            copy = weight.detach().to(torch.bfloat16)
            self._copies[weight] = (_stamp(weight), copy)
        return copy

    def _current(self, weight: nn.Parameter) -> torch.Tensor | None:
        if weight not in self._copies:
            return None
        stamp, copy = self._copies[weight]
        return copy if stamp == _stamp(weight) else None


def half_parameters(encoder: PreTrainedModel) -> Iterator[tuple[str, nn.Parameter]]:
    """The weights, by name, that passes in bf16 are made with: all but the word embeddings."""
    table = encoder.get_input_embeddings().weight
    return ((name, weight) for name, weight in encoder.named_parameters() if weight is not table)


class _Turned(torch.autograd.Function):
    """Copies in the place of weights, in one step for all of them."""

    @staticmethod
    def forward(ctx: Any, copies: list[torch.Tensor], *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.set_materialize_grads(False)
        # The same memory, but tensors that have this step as their origin.
        return tuple(copy.detach() for copy in copies)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        # Autograd turns them into what each weight wants its gradient to be.
        return None, *gradients


def _stamp(weight: torch.Tensor) -> Stamp:
    # PyTorch counts a tensor's changes in place; moved to another device it has other memory.
    return weight._version, weight.data_ptr()


@contextmanager
def half_embeddings(encoder: Encoder) -> Iterator[None]:
    """Inside, the encoder's word embeddings come out in bf16."""
    embeddings: nn.Module = encoder.get_input_embeddings()
    with output_changed(embeddings, lambda embedded: embedded.to(torch.bfloat16)):
        yield
