"""AdamW's parameter groups and learning rates for a peer: as in ours, each part warms up when it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.peers.model import Classifier, depth_at


def groups_of(model: Classifier, ablation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the head's and the encoder's groups, each with the share of the run that precedes it.

    Biases and the weights of normalisation do not decay.
    """
    rates, decay = ablation["learning_rate"], ablation["weight_decay"]
    parts: list[tuple[nn.Module, float, float]] = [(model.head, rates["head"], 0.0)]
    for number, part in enumerate(model.parts()):
        started = _begins(number, ablation, len(model.parts())) / ablation["epochs"]
        parts.append((part, rates["backbone"], started))
    return [
        {"params": chosen, "lr": rate, "weight_decay": decay if decays else 0.0, "started": started}
        for part, rate, started in parts
        for decays in (True, False)
        if (chosen := [weight for weight in part.parameters() if (weight.ndim >= 2) == decays])
    ]


def schedule_of(
    optimizer: torch.optim.Optimizer, schedule: dict[str, Any], steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Return the rates of ``steps`` steps: falling linearly to zero, each group's rising where it begins.

    Raises:
        ValueError: the schedule is another.
    """
    if schedule["shape"] != "linear":
        raise ValueError(f"the shape is {schedule['shape']}, and this is for linear")

    def factor(started: float) -> Callable[[int], float]:
        def at(step: int) -> float:
            progress, warmup = step / steps, schedule["warmup"]
            risen = (progress - started) / warmup if warmup else 1.0
            # Of a part that is still frozen, which has no gradient, the rate could be any.
            return max(0.0, min(1.0, risen)) * (1.0 - progress)

        return at

    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, [factor(group["started"]) for group in optimizer.param_groups]
    )


def _begins(number: int, ablation: dict[str, Any], parts: int) -> int:
    """Return how many epochs end before the encoder's part of that number, from the top, learns."""
    epochs = ablation["epochs"]
    depths = [depth_at(epoch, ablation["unfreeze"], parts) for epoch in range(1, epochs + 1)]
    return next((before for before, depth in enumerate(depths) if depth > number), epochs)
