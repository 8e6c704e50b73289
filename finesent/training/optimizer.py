"""One AdamW for the whole run: unfreezing adds parameters to it and never resets its moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from finesent.params.ablation import LearningRate, Schedule
from finesent.training.schedule import rate_factor

_MOMENTS = ("exp_avg", "exp_avg_sq")


class Optimizer:
    """AdamW over named parameters, whose groups start learning at different times."""

    def __init__(
        self,
        rates: LearningRate,
        weight_decay: float,
        schedule: Schedule,
        epochs: int,
        levels: Mapping[str, int] | None = None,
        fused: bool = True,
    ) -> None:
        """Hold no parameters yet.

        Args:
            rates: peaks, and their decay from layer to layer.
            weight_decay: of AdamW.
            schedule: how the rates move.
            epochs: of the whole run.
            levels: number of the encoder's parts above each parameter, by name; 0 where none is given.
            fused: whether a step is one kernel.
        """
        self._rates = rates
        self._levels = levels or {}
        self._weight_decay = weight_decay
        self._schedule = schedule
        self._epochs = epochs
        self._fused = fused
        self._adamw: torch.optim.AdamW | None = None
        self._names: dict[nn.Parameter, str] = {}

    def add(self, named: Iterable[tuple[str, nn.Parameter]], started: float) -> None:
        """Add parameters that begin to learn at progress ``started``; known ones are passed over.

        Biases and normalisation weights (anything with one dimension) get no weight decay.
        """
        new = [(name, parameter) for name, parameter in named if parameter not in self._names]
        for head in (True, False):
            for decays in (True, False):
                chosen = [
                    (name, parameter)
                    for name, parameter in new
                    if name.startswith("head.") == head and (parameter.ndim >= 2) == decays
                ]
                # A group a peak, not a layer: without decay the groups, and so the order of sums, are fewer.
                for peak in dict.fromkeys(self._peak(name) for name, _ in chosen):
                    alike = [(name, parameter) for name, parameter in chosen if self._peak(name) == peak]
                    self._add_group(alike, peak, decays, started)

    def set_rates(self, progress: float) -> None:
        """Set every group's learning rate for the step at ``progress`` (share of steps behind)."""
        for group in self.groups:
            group["lr"] = group["peak"] * rate_factor(
                progress, group["started"], self._epochs, self._schedule
            )

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The parameter groups, each with ``params, lr, peak, started, head``."""
        return [] if self._adamw is None else self._adamw.param_groups

    @property
    def named(self) -> dict[str, nn.Parameter]:
        """Every parameter that learns, by its name."""
        return {name: parameter for parameter, name in self._names.items()}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Every parameter that learns, in the order of its adding."""
        return list(self._names)

    def rate_of(self, head: bool) -> float:
        """The present learning rate of the head's groups, or the encoder's lowest (0 while frozen)."""
        rates = [group["lr"] for group in self.groups if group["head"] == head]
        return float(min(rates)) if rates else 0.0

    def step(self) -> None:
        """Update every parameter from its gradient, and drop the gradients."""
        assert self._adamw is not None
        self._adamw.step()
        self.zero_grad()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        if self._adamw is not None:
            self._adamw.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """Return moments and step counts by ``<parameter name>|<what>``."""
        assert self._adamw is not None
        return {
            f"{name}|{key}": value
            for parameter, name in self._names.items()
            for key, value in self._adamw.state.get(parameter, {}).items()
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Restore what :meth:`state` gave; the parameters must have been added before."""
        assert self._adamw is not None
        for parameter, name in self._names.items():
            if f"{name}|step" not in state:
                continue
            # A fused step needs its counter where the parameter is; AdamW otherwise keeps it on the CPU.
            where = parameter.device if self._fused else torch.device("cpu")
            self._adamw.state[parameter] = {"step": state[f"{name}|step"].to(where)} | {
                moment: state[f"{name}|{moment}"].to(parameter.device) for moment in _MOMENTS
            }

    def _peak(self, name: str) -> float:
        if name.startswith("head."):
            return self._rates.head
        return self._rates.backbone * self._rates.layer_decay ** self._levels.get(name, 0)

    def _add_group(
        self, chosen: list[tuple[str, nn.Parameter]], peak: float, decays: bool, started: float
    ) -> None:
        group = {
            "params": [parameter for _, parameter in chosen],
            "weight_decay": self._weight_decay if decays else 0.0,
            "peak": peak,
            "started": started,
            "head": chosen[0][0].startswith("head."),
        }
        self._names |= {parameter: name for name, parameter in chosen}
        if self._adamw is None:
            self._adamw = torch.optim.AdamW([group], lr=peak, fused=self._fused)
        else:
            self._adamw.add_param_group(group)
