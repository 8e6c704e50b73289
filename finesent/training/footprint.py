"""What a run takes of its machine: parameters, memory, and which device it is."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable

import torch


def count_parameters(parameters: Iterable[torch.nn.Parameter], trainable: bool = False) -> int:
    """Return the number of values, or of those alone that learn."""
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad or not trainable)


def peak_memory(device: torch.device) -> int:
    """Return the most memory that this process has held so far, in bytes.

    On a GPU what PyTorch allocated there; else resident memory of the process (getrusage(2), which
    counts in kilobytes on Linux and in bytes on macOS).
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
