"""A running average of the weights, which is what dev scores and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from finesent.params.ablation import Ema

_UPDATES = "|updates"


class WeightAverage:
    """Exponential moving average of every parameter that learns; of none where ``params`` is None.

    After n steps with decay d a parameter's average is ``(1 - d) / (1 - d^n) * sum_i d^(n - i) w_i`` over its
    weights w_1 … w_n. The denominator is the correction that Kingma and Ba (2015, section 3) make for the
    start of Adam's moments; without it a short run would keep mostly the weights that it began with. A
    parameter that joins later counts its own steps, and one that never learns has no average.
    """

    def __init__(self, params: Ema | None) -> None:
        self._params = params
        self._parameters: dict[str, nn.Parameter] = {}
        self._means: dict[str, torch.Tensor] = {}
        self._updates: dict[str, int] = {}

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The averages by parameter name; empty before the first averaged step."""
        return dict(self._means)

    def update(self, named: Mapping[str, nn.Parameter], epoch: int) -> None:
        """Take in the weights after a step of ``epoch`` (counted from 1)."""
        if self._params is None or epoch < self._params.from_epoch:
            return
        decay = self._params.decay
        with torch.no_grad():
            for name, parameter in named.items():
                if name not in self._means:
                    self._begin(name, parameter, torch.zeros_like(parameter), 0)
                self._updates[name] += 1
                share = (1 - decay) / (1 - decay ** self._updates[name])
                self._means[name].lerp_(parameter, share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the parameters hold their averages; afterwards the very weights that they had before."""
        own = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._fill(self._means)
        try:
            yield
        finally:
            self._fill(own)

    def state(self) -> dict[str, torch.Tensor]:
        """Return each average by its parameter's name, and its number of steps by ``<name>|updates``."""
        counts = {f"{name}{_UPDATES}": torch.tensor(count) for name, count in self._updates.items()}
        return self._means | counts

    def load_state(self, state: Mapping[str, torch.Tensor], named: Mapping[str, nn.Parameter]) -> None:
        """Restore what :meth:`state` gave for the parameters ``named``."""
        for name, parameter in named.items():
            if name in state:
                mean = state[name].to(parameter.device, copy=True)
                self._begin(name, parameter, mean, int(state[f"{name}{_UPDATES}"]))

    def _begin(self, name: str, parameter: nn.Parameter, mean: torch.Tensor, updates: int) -> None:
        self._parameters[name] = parameter
        self._means[name] = mean
        self._updates[name] = updates

    def _fill(self, weights: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(weights[name])
