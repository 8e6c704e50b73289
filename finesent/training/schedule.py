"""Learning rates over a run, as a factor on each group's peak."""

from __future__ import annotations

import math

from finesent.params.ablation import Schedule


def rate_factor(progress: float, started: float, epochs: int, schedule: Schedule) -> float:
    """Return the factor on a group's peak learning rate.

    Args:
        progress: share of the run's steps that lie behind, in [0, 1).
        started: ``progress`` at which the group began to learn; its warm-up counts from there.
        epochs: of the whole run.
        schedule: shape, warm-up and decay.
    """
    warmup = 1.0 if schedule.warmup == 0 else min(1.0, (progress - started) / schedule.warmup)
    return warmup * _shape(progress, epochs, schedule)


def _shape(progress: float, epochs: int, schedule: Schedule) -> float:
    if schedule.shape == "linear":
        return 1.0 - progress
    if schedule.shape == "cosine":
        # Loshchilov and Hutter (2017), equation 5, down to zero and without restarts.
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    if schedule.shape == "exponential":
        epoch = int(progress * epochs + 1e-9) + 1
        return schedule.gamma ** max(0, epoch - schedule.from_epoch + 1)
    return 1.0
