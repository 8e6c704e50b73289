"""What a run takes of its machine."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from finesent.training.footprint import count_parameters, device_name, peak_memory

CPU = torch.device("cpu")
# Its second field is the resident memory, in pages.
STATUS = Path("/proc/self/statm")


def test_parameters_are_counted_by_value() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    assert count_parameters(model.parameters()) == 3 * 4 + 4 + 4 * 2 + 2
    model[0].requires_grad_(False)
    assert count_parameters(model.parameters(), trainable=True) == 4 * 2 + 2
    assert count_parameters(model.parameters()) == 26


@pytest.mark.skipif(not STATUS.exists(), reason="no /proc to compare with")
def test_peak_memory_is_in_bytes_and_at_least_what_is_held_now() -> None:
    held = int(STATUS.read_text().split()[1]) * resource.getpagesize()
    # The kernel keeps both counts to within some hundred pages.
    assert 0.9 * held < peak_memory(CPU) < 50 * held


def test_a_gpu_is_asked_for_its_own_memory_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 123)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    gpu = torch.device("cuda", 0)
    assert (peak_memory(gpu), device_name(gpu)) == (123, "a GPU")
    assert device_name(CPU) == "cpu"
