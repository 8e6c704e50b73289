"""AdamW in one pass over weights, moments and gradients, which may be bf16."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from finesent.kernels.library import Kernels

# PyTorch's defaults.
BETA1, BETA2 = 0.9, 0.999
# As the struct in adamw.cpp has it.
_PARAMETER = np.dtype(
    [(name, np.uint64) for name in ("weight", "first", "second", "gradient", "half")]
    + [("count", np.int64), ("gradient_in_half", np.int32)]
    + [(name, np.float32) for name in ("kept", "rate", "inverse_root")]
)


def corrections(steps: Any) -> tuple[Any, Any]:
    """What the moments of so many steps (an int or an array), which began at zero, are divided by."""
    return 1 - BETA1**steps, 1 - BETA2**steps


class CompiledAdamW:
    """AdamW with PyTorch's defaults, over float32 parameters on the CPU.

    Attributes:
        param_groups: as PyTorch's; ``lr`` and ``weight_decay`` count at each step.

    Args:
        kernels: loaded.
        groups: of the first parameters.
        half_of: a parameter's copy in bf16, which is to follow it; None where there is none.
    """

    def __init__(
        self,
        kernels: Kernels,
        groups: Sequence[dict[str, Any]],
        half_of: Callable[[nn.Parameter], torch.Tensor | None] = lambda parameter: None,
    ) -> None:
        self.param_groups: list[dict[str, Any]] = []
        self._kernels = kernels
        self._half_of = half_of
        self._moments: dict[nn.Parameter, tuple[torch.Tensor, torch.Tensor]] = {}
        # A row each for the parameters of all groups, in order; the rest is put in at each step.
        self._parameters: list[nn.Parameter] = []
        self._table = np.zeros(0, _PARAMETER)
        self._group = np.zeros(0, np.int64)
        self._steps = np.zeros(0, np.int64)
        self._found: _Gradients | None = None
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters, whose moments begin at zero with their first gradient."""
        added = list(group["params"])
        self.param_groups.append(group)
        self._parameters += added
        rows = np.zeros(len(added), _PARAMETER)
        rows["count"] = [parameter.numel() for parameter in added]
        self._table = np.concatenate([self._table, rows])
        self._group = np.append(self._group, [len(self.param_groups) - 1] * len(added)).astype(np.int64)
        self._steps = np.append(self._steps, np.zeros(len(added), np.int64))

    def squares(self, more: Sequence[torch.Tensor] = ()) -> float:
        """Return the sum of the squares of all gradients, and of the numbers of ``more`` tensors.

        The next step takes these very gradients.
        """
        self._found = self._gradients()
        others = np.zeros(len(more), _PARAMETER)
        _put_gradients(others, more)
        others["count"] = [tensor.numel() for tensor in more]
        return self._kernels.squares(np.concatenate([self._found.table, others]))

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Move every parameter that has a gradient, by ``factor`` times it."""
        # Held for as long as the gradients' memory is read.
        found, self._found = self._found or self._gradients(), None
        numbers, table = found.numbers, found.table
        learning = [self._parameters[number] for number in numbers]
        for number, parameter in zip(numbers, learning, strict=True):
            if parameter not in self._moments:
                self._begin(number, (torch.zeros_like(parameter), torch.zeros_like(parameter)), 0)
        for name in ("first", "second"):
            table[name] = self._table[name][numbers]
        self._steps[numbers] += 1
        of_first, of_second = corrections(self._steps[numbers])
        rate, decay = (
            np.array([group[name] for group in self.param_groups])[self._group[numbers]]
            for name in ("lr", "weight_decay")
        )
        table["weight"] = [parameter.data_ptr() for parameter in learning]
        halves = map(self._half_of, learning)
        table["half"] = [0 if half is None else half.data_ptr() for half in halves]
        table["kept"] = 1 - rate * decay
        table["rate"] = rate / of_first
        table["inverse_root"] = 1 / np.sqrt(of_second)
        self._kernels.adamw(table, factor)

    def state_of(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        """Return moments and number of steps, named as PyTorch names them; nothing before the first step."""
        if parameter not in self._moments:
            return {}
        first, second = self._moments[parameter]
        steps = float(self._steps[self._number_of(parameter)])
        return {"step": torch.tensor(steps), "exp_avg": first, "exp_avg_sq": second}

    def load_state_of(self, parameter: nn.Parameter, state: dict[str, torch.Tensor]) -> None:
        """Restore what :meth:`state_of`, or PyTorch's, gave."""
        moments = state["exp_avg"].contiguous(), state["exp_avg_sq"].contiguous()
        self._begin(self._number_of(parameter), moments, int(state["step"]))

    def _begin(self, number: int, moments: tuple[torch.Tensor, torch.Tensor], steps: int) -> None:
        self._moments[self._parameters[number]] = moments
        self._table[number]["first"], self._table[number]["second"] = (m.data_ptr() for m in moments)
        self._steps[number] = steps

    def _number_of(self, parameter: nn.Parameter) -> int:
        # Not by ==, which compares numbers.
        return next(number for number, own in enumerate(self._parameters) if own is parameter)

    def _gradients(self) -> _Gradients:
        gradients = [parameter.grad for parameter in self._parameters]
        numbers = [number for number, gradient in enumerate(gradients) if gradient is not None]
        found = [gradient.contiguous() for gradient in gradients if gradient is not None]
        table = self._table[numbers]
        _put_gradients(table, found)
        return _Gradients(numbers, found, table)


@dataclass(frozen=True)
class _Gradients:
    """What a step is taken from.

    Attributes:
        numbers: of the parameters that have a gradient.
        gradients: theirs, contiguous.
        table: a row each, with where its gradient lies.
    """

    numbers: list[int]
    gradients: list[torch.Tensor]
    table: np.ndarray


def _put_gradients(table: np.ndarray, gradients: Sequence[torch.Tensor]) -> None:
    table["gradient"] = [gradient.data_ptr() for gradient in gradients]
    table["gradient_in_half"] = [gradient.dtype == torch.bfloat16 for gradient in gradients]
