"""Which device, and which precision it multiplies fast."""

from __future__ import annotations

import torch

from finesent.errors import FinesentError
from finesent.params.train import Device, Precision


def choose_device(asked: Device) -> torch.device:
    """Return CUDA where it is asked for or, under ``auto``, where there is any; else the CPU.

    Raises:
        FinesentError: CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise FinesentError(
            "params.yaml: device",
            f"cuda is asked for, but PyTorch {torch.__version__} sees no CUDA device",
            "set it to auto or cpu, or install a CUDA build of PyTorch and check nvidia-smi",
        )
    return torch.device("cuda" if asked != "cpu" and available else "cpu")


def choose_precision(asked: Precision, device: torch.device) -> str:
    """Return ``bf16`` or ``float32``; ``auto`` takes bf16 where the hardware multiplies it."""
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context for forward passes: matrix products in ``precision``, weights in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
