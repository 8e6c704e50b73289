"""Token states above an encoder's frozen lower layers, computed once and read by every later pass.

Frozen layers are in eval mode, so that they make the same of a row in every epoch. A pass that begins at
their states skips them: each of them hands on what it is given, and the uppermost gives the states that were
kept. No architecture is named here; all that is asked of a layer is that it gives its states first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class PrefixStates:
    """What an encoder's lowest ``layers`` layers make of a split of N rows and T tokens.

    Attributes:
        layers: at least one.
        states: (T + 1, H) of all tokens, row after row; the last is zero and stands for padding.
        starts: (N,) int64, where each row's states begin.
        lengths: (N,) int64, each row's number of tokens.
        more: how many things a layer gives beside its states; None where it gives them bare.
    """

    layers: int
    states: torch.Tensor
    starts: np.ndarray
    lengths: np.ndarray
    more: int | None

    def of(self, rows: np.ndarray | None) -> PrefixStates:
        """Return those of a split of these (M,) rows alone, in the order given; None is every row."""
        if rows is None:
            return self
        return replace(self, starts=self.starts[rows], lengths=self.lengths[rows])

    def packed(self, tokens: int) -> torch.Tensor:
        """Return (tokens, H) states, row after row, and zeros behind them."""
        ends = np.cumsum(self.lengths)
        where = np.full(tokens, len(self.states) - 1)
        where[: ends[-1]] = np.repeat(self.starts - (ends - self.lengths), self.lengths) + np.arange(ends[-1])
        return self.states[torch.from_numpy(where).to(self.states.device)]

    def padded(self) -> torch.Tensor:
        """Return (N, L, H) states, padded to the longest row."""
        columns = np.arange(self.lengths.max())
        padding = columns >= self.lengths[:, None]
        where = np.where(padding, len(self.states) - 1, self.starts[:, None] + columns)
        return self.states[torch.from_numpy(where).to(self.states.device)]

    @contextmanager
    def put_into(self, layers: nn.ModuleList) -> Iterator[None]:
        """Inside, a pass of all rows through an encoder of these layers computes nothing in the lowest."""
        states = self.padded()
        skipped = layers[: self.layers]
        with ExitStack() as stack:
            for number, layer in enumerate(skipped, 1):
                given = states if number == self.layers else None
                # Beside the class's method, which comes back when this is deleted.
                layer.forward = partial(_hand_on, given, self.more)
                stack.callback(delattr, layer, "forward")
            yield


class Recorder:
    """Takes the states that some of an encoder's layers give in the passes over a split, row by row.

    Args:
        layers: of the encoder, lowest first.
        counts: after how many layers states are taken.
        lengths: (N,) of the split's rows.
    """

    def __init__(self, layers: nn.ModuleList, counts: Sequence[int], lengths: np.ndarray) -> None:
        self._layers = {count: layers[count - 1] for count in counts}
        self._lengths = lengths
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self._kept: dict[int, torch.Tensor] = {}
        self._more: int | None = None

    @contextmanager
    def over(self, rows: np.ndarray) -> Iterator[None]:
        """Inside is one pass, of these rows, padded to the longest of them."""
        mask = np.arange(self._lengths[rows].max()) < self._lengths[rows][:, None]
        columns = np.broadcast_to(np.arange(mask.shape[1]), mask.shape)
        where = torch.from_numpy((self._starts[rows][:, None] + columns)[mask])
        real = torch.from_numpy(mask)
        with ExitStack() as stack:
            for count, layer in self._layers.items():
                take = partial(self._take, count, where, real)
                stack.callback(layer.register_forward_hook(take).remove)
            yield

    def result(self) -> dict[int, PrefixStates]:
        """Return the states by the number of layers that made them, once every row has passed."""
        return {
            count: PrefixStates(count, states, self._starts[:-1], self._lengths, self._more)
            for count, states in self._kept.items()
        }

    def _take(
        self, count: int, where: torch.Tensor, real: torch.Tensor, _layer: nn.Module, _args: Any, output: Any
    ) -> None:
        bare = isinstance(output, torch.Tensor)
        states = output if bare else output[0]
        self._more = None if bare else len(output) - 1
        if count not in self._kept:
            self._kept[count] = states.new_zeros(int(self._starts[-1]) + 1, states.shape[-1])
        self._kept[count][where.to(states.device)] = states[real.to(states.device)]


def _hand_on(
    kept: torch.Tensor | None, more: int | None, hidden_states: torch.Tensor, *_: Any, **__: Any
) -> Any:
    states = hidden_states if kept is None else kept
    return states if more is None else (states, *[None] * more)
