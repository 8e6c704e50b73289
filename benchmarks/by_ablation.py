"""What a study tells of each of its ablations, as figures of one flat object.

Nothing here imports finesent: the peers tell it, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_SECONDS = "seconds"
_ACCURACY = "dev_accuracy"


def seeds_of_round(count: int, number: int) -> list[int]:
    """Return the ``count`` seeds of a round, which are those of no other round: the first has 0, 1, …"""
    return list(range(number * count, (number + 1) * count))


def told(ablation: str, seconds: float, accuracies: Sequence[float]) -> dict[str, float]:
    """Return the figures of an ablation: seconds of all its seeds, and each one's last dev accuracy."""
    scores = {f"{ablation}|{_ACCURACY}|{place}": score for place, score in enumerate(accuracies)}
    return {f"{ablation}|{_SECONDS}": seconds, **scores}


def ablations_of(figures: Iterable[str]) -> list[str]:
    """Return the ablations that figures of these names tell of, in their order."""
    return [name.removesuffix(f"|{_SECONDS}") for name in figures if name.endswith(f"|{_SECONDS}")]


def seconds_of(ablation: str, rounds: Iterable[Mapping[str, float]]) -> list[float]:
    """Return the seconds of an ablation in each round."""
    return [figures[f"{ablation}|{_SECONDS}"] for figures in rounds]


def accuracies_of(ablation: str, rounds: Iterable[Mapping[str, float]]) -> list[float]:
    """Return the dev accuracies of an ablation, of all seeds of the first round, then of the second's."""
    begins = f"{ablation}|{_ACCURACY}|"
    return [score for figures in rounds for name, score in figures.items() if name.startswith(begins)]
