"""Means and deviations over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from finesent.evaluation.metrics import score
from finesent.evaluation.spreads import rounded, spreads


def test_spreads_are_mean_and_sample_deviation() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 50)
    scores = [score(labels, generator.normal(size=(50, 3)).astype(np.float32)) for _ in range(3)]
    found = spreads(scores)
    for name, spread in found.items():
        values = [getattr(one, name) for one in scores]
        mean = sum(values) / 3
        assert spread.mean == pytest.approx(mean, abs=1e-6)
        assert spread.sd == pytest.approx((sum((v - mean) ** 2 for v in values) / 2) ** 0.5, abs=1e-6)
    assert spreads(scores[:1])["mae"].sd is None


def test_rounding_leaves_no_minus_zero() -> None:
    assert str(rounded(-1e-9)) == "0.0"
