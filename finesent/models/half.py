"""An encoder's passes in bf16 from end to end, while the weights that learn stay float32.

Autocast turns every input of every matrix product into bf16 and keeps the rest in float32, which on a CPU
makes many copies. Here the weights are turned once a batch and the states stay bf16 between
layers, where normalisation and softmax still add up in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import nn
from transformers import PreTrainedModel

Stamp = tuple[int, int]


class Halves(Mapping[str, torch.Tensor]):
    """An encoder's weights in bf16 by name, with gradient where they learn.

    Attributes:
        weights: themselves, by name.
        copies: in bf16 and without gradient, for whoever hands on gradients to the weights themselves.
    """

    def __init__(self, weights: dict[str, nn.Parameter], copies: dict[str, torch.Tensor]) -> None:
        self.weights = weights
        self.copies = copies
        self._learns = torch.is_grad_enabled()

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._turned[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.copies)

    def __len__(self) -> int:
        return len(self.copies)

    @cached_property
    def _turned(self) -> dict[str, torch.Tensor]:
        # Once for all passes, and only where somebody asks: it takes as long as some passes' smaller parts.
        learning = {name: weight for name, weight in self.weights.items() if weight.requires_grad}
        if not learning or not self._learns:
            return self.copies
        turned = _Turned.apply(  # type: ignore[no-untyped-call]
            [self.copies[name] for name in learning], *learning.values()
        )
        return self.copies | dict(zip(learning, turned, strict=True))


class HalfWeights:
    """The weights of encoders in bf16. What is frozen is turned once.

    Attributes:
        followed: whether whoever moves a weight moves its copy too, and no encoder is given other weights;
            what learns is turned for every batch else.
    """

    def __init__(self) -> None:
        self.followed = False
        # By a weight's id, which it has for as long as the reference is one to it.
        self._copies: dict[int, tuple[ref[torch.Tensor], Stamp, torch.Tensor]] = {}
        # By encoder: to look them up takes longer than all that is done with them here.
        self._named: WeakKeyDictionary[PreTrainedModel, dict[str, nn.Parameter]] = WeakKeyDictionary()

    def of(self, encoder: PreTrainedModel) -> Halves:
        """Return each weight in bf16 by its name, with gradient where it learns.

        The word embeddings are left out: of that large table a pass needs a few rows, which are turned
        after they were looked up (:func:`~finesent.models.lookup.half_lookups`).
        """
        weights = self._weights_of(encoder)
        copies: dict[str, torch.Tensor] = {}
        missing = []
        for name, weight in weights.items():
            copy = self._kept(weight)
            if copy is None:
                missing.append((name, weight))
            else:
                copies[name] = copy
        for (name, weight), copy in zip(missing, _halves([weight for _, weight in missing]), strict=True):
            copies[name] = copy
            self._keep(weight, copy)
        return Halves(weights, copies)

    def copy_of(self, weight: nn.Parameter) -> torch.Tensor | None:
        """Return a weight's copy, if it is followed and still is what the weight is."""
        return self._current(weight) if self.followed else None

    def _weights_of(self, encoder: PreTrainedModel) -> dict[str, nn.Parameter]:
        if not self.followed:
            return dict(half_parameters(encoder))
        if encoder not in self._named:
            self._named[encoder] = dict(half_parameters(encoder))
        return self._named[encoder]

    def _kept(self, weight: nn.Parameter) -> torch.Tensor | None:
        # A fused optimizer step does not count as a change below, so nothing that has learned since is kept.
        return self._current(weight) if self.followed or not weight.requires_grad else None

    def _keep(self, weight: nn.Parameter, copy: torch.Tensor) -> None:
        key, copies = id(weight), self._copies
        copies.pop(key, None)
        if self.followed or not weight.requires_grad:
            copies[key] = (ref(weight, lambda gone: _forget(copies, key, gone)), _stamp(weight), copy)

    def _current(self, weight: nn.Parameter) -> torch.Tensor | None:
        known = self._copies.get(id(weight))
        if known is None or known[0]() is not weight or known[1] != _stamp(weight):
            return None
        return known[2]


def _forget(copies: dict[int, tuple[ref[torch.Tensor], Stamp, torch.Tensor]], key: int, gone: object) -> None:
    # Another weight may have that id by now.
    if key in copies and copies[key][0] is gone:
        del copies[key]


def half_parameters(encoder: PreTrainedModel) -> Iterator[tuple[str, nn.Parameter]]:
    """The weights, by name, that passes in bf16 are made with: all but the word embeddings."""
    table = encoder.get_input_embeddings().weight
    return ((name, weight) for name, weight in encoder.named_parameters() if weight is not table)


def joined(*tensors: torch.Tensor) -> torch.Tensor:
    """Return contiguous tensors one behind the other in their first dimension.

    Copies of matrices that stand side by side in an encoder lie so already, and so do those of its vectors:
    of these nothing is copied.
    """
    first = tensors[0]
    start, storage = first.storage_offset(), first.untyped_storage().data_ptr()
    for tensor in tensors:
        if tensor.storage_offset() != start or tensor.untyped_storage().data_ptr() != storage:
            return torch.cat(tensors)
        start += tensor.numel()
    return first.as_strided((sum(map(len, tensors)), *first.shape[1:]), first.stride())


def _halves(weights: list[nn.Parameter]) -> list[torch.Tensor]:
    """Copies in bf16, in one piece of memory: matrices in their order, and then what else there is."""
    if not weights:
        return []
    ordered = sorted(range(len(weights)), key=lambda number: weights[number].dim() != 2)
    chosen = [weights[number].detach() for number in ordered]
    sizes = [weight.numel() for weight in chosen]
    parts = torch.split(torch.empty(sum(sizes), dtype=torch.bfloat16, device=chosen[0].device), sizes)
    copies = [part.view(weight.shape) for part, weight in zip(parts, chosen, strict=True)]
    torch._foreach_copy_(copies, chosen)
    of_number = dict(zip(ordered, copies, strict=True))
    return [of_number[number] for number in range(len(weights))]


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
