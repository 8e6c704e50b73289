"""One AdamW for the whole run: unfreezing adds parameters to it and never resets its moments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from finesent.kernels.adamw import CompiledAdamW
from finesent.kernels.library import Kernels
from finesent.models.lookup import WordEmbeddings
from finesent.params.ablation import LearningRate, Schedule
from finesent.training.rowwise import RowwiseAdamW
from finesent.training.schedule import rate_factor
from finesent.training.steps import TINY, clip

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
        table: WordEmbeddings | None = None,
        kernels: Kernels | None = None,
        half_of: Callable[[nn.Parameter], torch.Tensor | None] = lambda parameter: None,
    ) -> None:
        """Hold no parameters yet.

        Args:
            rates: peaks, and their decay from layer to layer.
            weight_decay: of AdamW.
            schedule: how the rates move.
            epochs: of the whole run.
            levels: number of the encoder's parts above each parameter, by name; 0 where none is given.
            table: whose weight, once it learns, is moved row by row; it then has sparse gradients.
            kernels: loaded; None steps with PyTorch's AdamW.
            half_of: a parameter's copy in bf16, which the kernels are to move with it.
        """
        self._rates = rates
        self._levels = levels or {}
        self._weight_decay = weight_decay
        self._schedule = schedule
        self._epochs = epochs
        self._kernels = kernels
        self._half_of = half_of
        self._factor = 1.0
        self._adamw: torch.optim.AdamW | CompiledAdamW | None = None
        self._table = table
        self._rowwise: RowwiseAdamW | None = None
        if table is not None:
            # As another run may have left it.
            table.before_lookup, table.sparse = None, False
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
                    if _is_head(name) == head and (parameter.ndim >= 2) == decays
                ]
                # A group a peak, not a layer: without decay the groups, and so the order of sums, are fewer.
                for kind in dict.fromkeys(self._kind(*pair) for pair in chosen):
                    alike = [pair for pair in chosen if self._kind(*pair) == kind]
                    self._add_group(alike, kind[0], decays, started)

    def set_rates(self, progress: float) -> None:
        """Set every group's learning rate for the step at ``progress`` (share of steps behind)."""
        for group in self.groups:
            group["lr"] = group["peak"] * rate_factor(
                progress, group["started"], self._epochs, self._schedule
            )

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The parameter groups, each with ``params, lr, peak, started, head``."""
        return [
            *([] if self._adamw is None else self._adamw.param_groups),
            *([] if self._rowwise is None else [self._rowwise.group]),
        ]

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

    def clip(self, max_norm: float | None) -> torch.Tensor:
        """Have the next step take the gradients scaled down to ``max_norm`` together; return their norm.

        Sparse ones are coalesced on the way.
        """
        if not isinstance(self._adamw, CompiledAdamW):
            return clip(self.parameters, max_norm)
        of_rows = None if self._rowwise is None else self._rowwise.coalesce()
        norm = math.sqrt(self._adamw.squares([] if of_rows is None else [of_rows]))
        if max_norm is not None:
            # The step multiplies by it, so that no pass over the gradients is made for that alone.
            self._factor = min(max_norm / (norm + TINY), 1.0)
        return torch.tensor(norm)

    def step(self) -> None:
        """Update every parameter from its gradient, and drop the gradients."""
        assert self._adamw is not None
        if self._rowwise is not None:
            self._rowwise.step(self._factor)
        if isinstance(self._adamw, CompiledAdamW):
            self._adamw.step(self._factor)
        else:
            self._adamw.step()
        self._factor = 1.0
        self.zero_grad()

    def settle(self) -> None:
        """Bring to the present what a table's rows have put off; until then it is right row by row."""
        if self._rowwise is not None:
            self._rowwise.settle()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for parameter in self._names:
            parameter.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """Return moments and step counts by ``<parameter name>|<what>``."""
        return {
            f"{name}|{key}": value
            for parameter, name in self._names.items()
            for key, value in self._state_of(parameter).items()
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Restore what :meth:`state` gave; the parameters must have been added before."""
        assert self._adamw is not None
        for parameter, name in self._names.items():
            if f"{name}|step" not in state:
                continue
            # A fused step needs its counter where the parameter is.
            own = {key: state[f"{name}|{key}"].to(parameter.device) for key in ("step", *_MOMENTS)}
            if self._rowwise is not None and self._is_table(parameter):
                self._rowwise.load_state(own)
            elif isinstance(self._adamw, CompiledAdamW):
                self._adamw.load_state_of(parameter, own)
            else:
                self._adamw.state[parameter] = own

    def _state_of(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        assert self._adamw is not None
        if self._rowwise is not None and self._is_table(parameter):
            return self._rowwise.state()
        if isinstance(self._adamw, CompiledAdamW):
            return self._adamw.state_of(parameter)
        state: dict[str, torch.Tensor] = self._adamw.state.get(parameter, {})
        return state

    def _is_table(self, parameter: nn.Parameter) -> bool:
        return self._table is not None and parameter is self._table.weight

    def _kind(self, name: str, parameter: nn.Parameter) -> tuple[float, bool]:
        return self._peak(name), self._is_table(parameter)

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
            "head": _is_head(chosen[0][0]),
        }
        self._names |= {parameter: name for name, parameter in chosen}
        if self._table is not None and self._is_table(chosen[0][1]):
            self._rowwise = RowwiseAdamW({**group, "lr": peak}, self._kernels)
            self._table.before_lookup, self._table.sparse = self._rowwise.before_lookup, True
        elif self._adamw is None and self._kernels is not None:
            self._adamw = CompiledAdamW(self._kernels, [{**group, "lr": peak}], self._half_of)
        elif self._adamw is None:
            self._adamw = torch.optim.AdamW([group], lr=peak, fused=True)
        else:
            self._adamw.add_param_group({**group, "lr": peak})


def _is_head(name: str) -> bool:
    # All that reads the encoder's states (pooling, mix of layers, head) learns at one rate.
    return not name.startswith("encoder.")
