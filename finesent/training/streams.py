"""Random streams: data order, head start, dropout and draws each have their own, per seed and epoch.

A stream depends on the seed, its name and the epoch alone. So ablations with the same seed see the same
order and start from the same head; and a resumed run needs no generator's state, only the epoch's number.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, stream: str, epoch: int = 0) -> int:
    """Return a 63-bit seed for one stream of one run in one epoch."""
    digest = hashlib.sha256(f"{seed}/{stream}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def torch_stream(seed: int, stream: str, epoch: int = 0) -> torch.Generator:
    """A CPU generator for the stream."""
    return torch.Generator().manual_seed(stream_seed(seed, stream, epoch))


def numpy_stream(seed: int, stream: str, epoch: int = 0) -> np.random.Generator:
    """A NumPy generator for the stream."""
    return np.random.default_rng(stream_seed(seed, stream, epoch))


def seed_dropout(seed: int, epoch: int, process: int = 0) -> None:
    """Seed PyTorch's global generators, which only dropout draws from; each process has its own stream."""
    torch.manual_seed(stream_seed(seed, f"dropout/{process}" if process else "dropout", epoch))
