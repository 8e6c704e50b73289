"""Several processes on one run, as `accelerate launch` or torchrun start them; usually there is one.

Every process holds the whole model and takes its share of each batch, and gradients are added up before each
step. So the effective batch, the order of the data and, up to rounding, the result are those of one process.
"""

from __future__ import annotations

import os

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import nn

# What torchrun, `accelerate launch` and ours tell every process that they start.
_RANK = "RANK"


def was_started() -> bool:
    """Whether this process was started as one of several on a run."""
    return _RANK in os.environ


def is_first() -> bool:
    """Whether this process is the only one, or the first, before anything is known of the others."""
    return os.environ.get(_RANK, "0") == "0"


class Processes:
    """The processes of one run, seen from one of them."""

    def __init__(self, cpu: bool) -> None:
        self._state = PartialState(cpu=cpu)

    @property
    def index(self) -> int:
        """This process's number, from 0."""
        return int(self._state.process_index)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._state.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return bool(self._state.is_main_process)

    @property
    def device(self) -> torch.device:
        """This process's device: its own GPU where there are several."""
        device: torch.device = self._state.device
        return device

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's part of a batch; the parts are disjoint and make up the whole."""
        return rows[self.index :: self.count]

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum of the processes' tensors."""
        if self.count == 1:
            return tensor
        total: torch.Tensor = reduce(tensor, reduction="sum")
        return total

    def add_up_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Replace every gradient by the sum over the processes, in one exchange.

        A parameter that learnt in an earlier phase alone has none, and gets none.
        """
        if self.count == 1:
            return
        parameters = [parameter for parameter in parameters if parameter.requires_grad]
        # A batch smaller than the number of processes leaves some of them without a row, and no gradient.
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.add_up(torch.cat([gradient.flatten() for gradient in gradients]))
        start = 0
        for parameter in parameters:
            count = parameter.numel()
            parameter.grad = flat[start : start + count].view_as(parameter)
            start += count

    def wait(self) -> None:
        """Wait until every process is here."""
        self._state.wait_for_everyone()
