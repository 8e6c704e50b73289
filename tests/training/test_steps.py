"""Micro-batches: the same gradient from pieces, and what happens when memory runs out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finesent.errors import FinesentError
from finesent.training.steps import MicroBatches, clip, is_out_of_memory

ROWS = np.arange(7)
DATA = torch.linspace(-1, 1, 7)


def gradient(size: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    weight = torch.nn.Parameter(torch.tensor(0.3))
    loss = MicroBatches(size, print).backward(
        ROWS, len(ROWS), lambda rows: (weight * DATA[rows] - 1).square().mean(), lambda: None
    )
    assert weight.grad is not None
    return loss, weight.grad


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pieces_give_the_gradient_of_the_whole(size: int) -> None:
    loss, grad = gradient(size)
    whole_loss, whole_grad = gradient(None)
    assert torch.allclose(loss, whole_loss)
    assert torch.allclose(grad, whole_grad)


class Memory:
    """A loss that runs out of memory above ``limit`` rows."""

    def __init__(self, limit: int, error: BaseException) -> None:
        self.weight = torch.nn.Parameter(torch.tensor(0.3))
        self.limit = limit
        self.error = error
        self.resets = 0

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        if len(rows) > self.limit:
            raise self.error
        return (self.weight * DATA[rows] - 1).square().mean()

    def reset(self) -> None:
        self.resets += 1
        self.weight.grad = None


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_halves_the_micro_batch_and_keeps_the_gradient(error: BaseException) -> None:
    said: list[str] = []
    micro_batches, memory = MicroBatches(None, said.append), Memory(2, error)
    micro_batches.backward(ROWS, len(ROWS), memory, memory.reset)
    assert micro_batches.size == 2
    assert memory.resets == 2
    assert said == [
        "out of memory: micro-batch 7 -> 4 sentences; the effective batch stays 7",
        "out of memory: micro-batch 4 -> 2 sentences; the effective batch stays 7",
    ]
    assert memory.weight.grad is not None
    assert torch.allclose(memory.weight.grad, gradient(None)[1])


def test_memory_too_small_for_one_row_is_said() -> None:
    memory = Memory(0, MemoryError())
    with pytest.raises(FinesentError, match="single sentence"):
        MicroBatches(None, lambda _: None).backward(ROWS, len(ROWS), memory, memory.reset)


def test_a_batch_whose_rows_are_compared_is_never_cut() -> None:
    micro_batches, memory = MicroBatches(None, print, "scl"), Memory(2, MemoryError())
    with pytest.raises(FinesentError, match="out of memory with 7 sentences at a time, which the loss 'scl'"):
        micro_batches.backward(ROWS, len(ROWS), memory, memory.reset)
    assert (micro_batches.size, memory.resets) == (None, 0)


def test_other_errors_pass_through() -> None:
    memory = Memory(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        MicroBatches(None, print).backward(ROWS, len(ROWS), memory, memory.reset)
    assert not is_out_of_memory(ValueError("memory"))


def test_clipping_scales_to_the_norm_and_reports_the_norm_before() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert float(clip([weight], 1.0)) == pytest.approx(5)
    assert torch.allclose(weight.grad, torch.tensor([0.6, 0.8]))
    assert float(clip([weight], None)) == pytest.approx(1)
    assert torch.allclose(weight.grad, torch.tensor([0.6, 0.8]))
