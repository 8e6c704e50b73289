"""Sharing a batch among processes; the exchange itself is tried with real processes in tests/stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from finesent.training import processes as module
from finesent.training.processes import Processes


@dataclass
class State:
    """What accelerate tells one of two processes."""

    process_index: int
    num_processes: int = 2


def one_of_two(index: int) -> Processes:
    processes = Processes(cpu=True)
    processes._state = State(index)
    return processes


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_shares_are_disjoint_and_whole(rows: int) -> None:
    batch = np.arange(rows) + 10
    shares = [one_of_two(index).share(batch) for index in (0, 1)]
    assert sorted(np.concatenate(shares)) == list(batch)


def test_a_single_process_has_the_whole_batch_and_exchanges_nothing() -> None:
    processes = Processes(cpu=True)
    assert (processes.count, processes.index, processes.is_main) == (1, 0, True)
    assert processes.device.type == "cpu"
    parameter = torch.nn.Parameter(torch.ones(2))
    processes.add_up_gradients([parameter])
    assert parameter.grad is None
    assert list(processes.share(np.arange(3))) == [0, 1, 2]


def test_gradients_are_added_up_and_a_missing_one_counts_as_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    # The other process has the same gradients, so that the sum is twice ours.
    monkeypatch.setattr(module, "reduce", lambda tensor, reduction: 2 * tensor)
    first, second = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3))
    first.grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    one_of_two(0).add_up_gradients([first, second])
    assert torch.equal(first.grad, torch.tensor([[2.0, 4.0], [6.0, 8.0]]))
    assert second.grad is not None
    assert torch.equal(second.grad, torch.zeros(3))
