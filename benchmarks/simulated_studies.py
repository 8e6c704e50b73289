"""Made-up studies whose true gain is known: seeds and items both vary, as in a real one.

An ablation's seed s has item i right where

    m + b_i + c_i + a_s + e_si > 0

with m the ablation's level, b_i how easy the item is for all ablations, c_i what the item is to this one,
a_s what the seed is, and e_si what is left, all normal. Its accuracy over all seeds and items there could be
is then Phi(m / sqrt(1 + var b + var c + var a)), with var e = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

_CLASSES = 5
_EASE, _AFFINITY = 1.0, 0.5


@dataclass(frozen=True)
class Truth:
    """What a simulated study is drawn from.

    Attributes:
        seeds: S.
        items: N.
        seed_spread: standard deviation of a_s; 0.1 makes an accuracy vary over seeds by
            about 2.6 points.
        first: level m of the first ablation.
        second: level m of the second.
    """

    seeds: int
    items: int
    seed_spread: float
    first: float
    second: float

    @property
    def gain(self) -> float:
        """Accuracy of the first ablation minus that of the second, over all seeds and items there are."""
        spread = np.sqrt(1 + _EASE**2 + _AFFINITY**2 + self.seed_spread**2)
        return float(norm.cdf(self.first / spread) - norm.cdf(self.second / spread))


def draw(truth: Truth, generator: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw one study: (N,) labels, and (S, N) predicted classes of the ablations ``first`` and ``second``."""
    shape = (truth.seeds, truth.items)
    labels = generator.integers(_CLASSES, size=truth.items)
    # A wrong answer is a neighbouring class.
    wrong = np.where(labels > 0, labels - 1, 1)
    ease = generator.normal(0, _EASE, truth.items)
    predicted = {}
    for name, level in (("first", truth.first), ("second", truth.second)):
        affinity = generator.normal(0, _AFFINITY, truth.items)
        of_seed = generator.normal(0, truth.seed_spread, (truth.seeds, 1))
        right = level + ease + affinity + of_seed + generator.normal(0, 1, shape) > 0
        predicted[name] = np.where(right, labels, wrong)
    return labels, predicted
