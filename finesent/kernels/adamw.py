"""AdamW in one pass over weights, moments and gradients, which may be bf16."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from finesent.kernels.library import Kernels

_BETA1, _BETA2 = 0.9, 0.999
# As the struct in adamw.cpp has it.
_PARAMETER = np.dtype(
    [(name, np.uint64) for name in ("weight", "first", "second", "gradient", "half")]
    + [("count", np.int64), ("gradient_in_half", np.int32)]
    + [(name, np.float32) for name in ("kept", "rate", "root")]
)


def corrections(steps: int) -> tuple[float, float]:
    """What the moments of so many steps are divided by, having begun at zero."""
    return 1 - _BETA1**steps, 1 - _BETA2**steps


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
        self._steps: dict[nn.Parameter, int] = {}
        self._moments: dict[nn.Parameter, tuple[torch.Tensor, torch.Tensor]] = {}
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters, whose moments begin at zero with their first gradient."""
        self.param_groups.append(group)

    def squares(self, more: Sequence[torch.Tensor] = ()) -> float:
        """Return the sum of the squares of all gradients, and of the numbers of ``more`` tensors."""
        gradients = [gradient for _, _, gradient in self._learning()] + list(more)
        table = np.zeros(len(gradients), _PARAMETER)
        for row, gradient in zip(table, gradients, strict=True):
            _put_gradient(row, gradient)
        return self._kernels.squares(table)

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Move every parameter that has a gradient, by ``factor`` times it."""
        # They are held for as long as their memory is read.
        learning = list(self._learning())
        table = np.zeros(len(learning), _PARAMETER)
        for row, (group, parameter, gradient) in zip(table, learning, strict=True):
            if parameter not in self._moments:
                self._moments[parameter] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self._steps[parameter] = 0
            self._steps[parameter] += 1
            first, second = corrections(self._steps[parameter])
            _put_gradient(row, gradient)
            row["weight"] = parameter.data_ptr()
            row["first"], row["second"] = (moment.data_ptr() for moment in self._moments[parameter])
            half = self._half_of(parameter)
            row["half"] = 0 if half is None else half.data_ptr()
            row["kept"] = 1 - group["lr"] * group["weight_decay"]
            row["rate"] = group["lr"] / first
            row["root"] = math.sqrt(second)
        self._kernels.adamw(table, factor)

    def state_of(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        """Return moments and number of steps, named as PyTorch names them; nothing before the first step."""
        if parameter not in self._moments:
            return {}
        first, second = self._moments[parameter]
        return {"step": torch.tensor(float(self._steps[parameter])), "exp_avg": first, "exp_avg_sq": second}

    def load_state_of(self, parameter: nn.Parameter, state: dict[str, torch.Tensor]) -> None:
        """Restore what :meth:`state_of`, or PyTorch's, gave."""
        self._steps[parameter] = int(state["step"])
        self._moments[parameter] = state["exp_avg"].contiguous(), state["exp_avg_sq"].contiguous()

    def _learning(self) -> Iterator[tuple[dict[str, Any], nn.Parameter, torch.Tensor]]:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    yield group, parameter, parameter.grad.contiguous()


def _put_gradient(row: np.void, gradient: torch.Tensor) -> None:
    row["gradient"], row["count"] = gradient.data_ptr(), gradient.numel()
    row["gradient_in_half"] = gradient.dtype == torch.bfloat16
