"""One optimizer step, in as many pieces as memory allows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from finesent.errors import FinesentError

# As torch.nn.utils.clip_grad_norm_ has it: no gradient at all has no direction to divide by.
TINY = 1e-6


class MicroBatches:
    """Gradients of a whole batch, from pieces of at most ``size`` rows.

    The effective batch never changes: each piece counts by its share of the rows. When memory runs out
    the size is halved, said so, and the batch begun again.

    Args:
        size: in rows; None for whole batches while memory lasts.
        say: tells the user something.
        comparing: a loss whose value for a row depends on the others, so that no batch is cut.
    """

    def __init__(self, size: int | None, say: Callable[[str], None], comparing: str | None = None) -> None:
        self.size = size
        self._say = say
        self._comparing = comparing

    def backward(
        self,
        rows: np.ndarray,
        whole: int,
        loss_of: Callable[[np.ndarray], torch.Tensor],
        reset: Callable[[], None],
    ) -> torch.Tensor:
        """Accumulate the gradient of what ``rows`` add to the batch's mean loss; return that, detached.

        Args:
            rows: (B,) rows of the batch, or this process's share of them.
            whole: rows of the whole batch, over all processes.
            loss_of: mean loss of a piece.
            reset: drops gradients that a failed attempt left behind.

        Raises:
            FinesentError: memory runs out even with one row at a time, or for a batch that cannot be cut.
        """
        while True:
            try:
                return self._attempt(rows, whole, loss_of)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(rows), error)
            # Outside the except block, where the traceback no longer holds the failed attempt's tensors.
            reset()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _attempt(
        self, rows: np.ndarray, whole: int, loss_of: Callable[[np.ndarray], torch.Tensor]
    ) -> torch.Tensor:
        size = self.size or max(1, len(rows))
        total = torch.zeros(())
        for start in range(0, len(rows), size):
            piece = rows[start : start + size]
            loss = loss_of(piece) * (len(piece) / whole)
            torch.autograd.backward(loss)
            total = total.to(loss.device) + loss.detach()
        return total

    def _halve(self, rows: int, error: BaseException) -> None:
        tried = min(self.size or rows, rows)
        if tried == 1:
            raise FinesentError(
                "train",
                "out of memory with a single sentence at a time",
                "use a smaller backbone or a shorter inputs.*.max_length",
            ) from error
        if self._comparing is not None:
            raise FinesentError(
                "train",
                f"out of memory with {rows} sentences at a time, which the loss {self._comparing!r} compares",
                "set a smaller batch.sentences, a smaller backbone or a shorter inputs.*.max_length",
            ) from error
        self.size = math.ceil(tried / 2)
        self._say(
            f"out of memory: micro-batch {tried} -> {self.size} sentences; the effective batch stays {rows}"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception is PyTorch's or Python's way of saying that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def clip(parameters: list[nn.Parameter], max_norm: float | None) -> torch.Tensor:
    """Scale the gradients down to ``max_norm`` together, and return their norm before that.

    Sparse ones are coalesced on the way.
    """
    values = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            values.append(parameter.grad.values())
        else:
            values.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(values)
    if max_norm is not None:
        torch._foreach_mul_(values, (max_norm / (norm + TINY)).clamp(max=1.0))
    return norm
