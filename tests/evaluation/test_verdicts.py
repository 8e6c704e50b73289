"""Verdicts on claims: each word where it belongs, and seldom a wrong one."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from benchmarks.simulated_studies import Truth, draw
from finesent.evaluation.gains import Estimate, Variance, estimate
from finesent.evaluation.resampling import resample
from finesent.evaluation.results import Verdict
from finesent.evaluation.verdicts import judge, seeds_to_resolve
from finesent.params.claims import Claim
from finesent.params.compare import Compare

RULES: dict[str, Any] = {
    "baseline": "second",
    "family": "baseline",
    "confidence": 0.95,
    "power": 0.8,
    "resamples": 500,
}


def rules(seed: int = 0) -> Compare:
    return Compare.model_validate({**RULES, "seed": seed})


def claim(metric: str = "accuracy", smallest_effect: float = 0.01, **changes: Any) -> Claim:
    content = {"better": "first", "than": "second", "metric": metric, "source": "a paper"}
    return Claim.model_validate({**content, "smallest_effect": smallest_effect, **changes})


def found(value: float, items: float, seeds: float = 0.0, count: int = 3) -> Estimate:
    """An estimate whose variance over items and over seeds is given by standard errors of the mean."""
    variance = Variance(items**2, seeds**2, 0.0, count, 1085)
    by_seed = value + seeds * np.sqrt(count) * np.linspace(-1, 1, count)
    return Estimate(value, variance, by_seed, (value, value))


def verdict(value: float, items: float, **changes: Any) -> Verdict:
    return judge([claim()], [found(value, items, **changes)], rules())[0]


@pytest.mark.parametrize(
    ("value", "error", "word"),
    [
        (0.05, 0.01, "supported"),
        (-0.05, 0.01, "contradicted"),
        (0.001, 0.003, "equivalent"),
        # Surely a gain, and surely smaller than what matters.
        (0.004, 0.001, "equivalent"),
        (0.01, 0.01, "not resolved"),
        (-0.01, 0.01, "not resolved"),
    ],
)
def test_each_word_where_it_belongs(value: float, error: float, word: str) -> None:
    judged = verdict(value, error)
    assert judged.verdict == word
    assert judged.sentence.lower().startswith(word)
    assert f"{100 * value:+.2f} points in accuracy" in judged.sentence


def test_claims_are_corrected_together() -> None:
    # p = .03 alone, .09 as the smallest of three.
    borderline = found(0.0217, 0.01)
    weak = found(0.002, 0.01)
    alone = judge([claim()], [borderline], rules())[0]
    three = judge([claim(), claim("macro_f1"), claim("mae")], [borderline, weak, weak], rules())[0]
    assert (alone.verdict, three.verdict) == ("supported", "not resolved")
    assert three.gain.p == alone.gain.p
    assert three.gain.p_holm == pytest.approx(3 * three.gain.p, abs=1e-5)


def test_seeds_that_would_resolve_it() -> None:
    # Over seeds alone the error is .02 with 3 seeds; 2 t-quantiles are reached when it falls below .01 or so.
    needed = seeds_to_resolve(found(0.02, 0.001, seeds=0.02), 0.001, 0.05)
    assert needed is not None and 10 < needed < 20
    at = found(0.02, 0.001, seeds=0.02).variance
    for count, resolved in ((needed - 1, False), (needed, True)):
        again = Estimate(0.02, at.with_seeds(count), np.zeros(3), (0.0, 0.0))
        assert (min(again.p, again.p_equivalent(0.001)) < 0.05) == resolved
    assert f"{needed} seeds would resolve" in verdict(0.02, 0.001, seeds=0.02).sentence


def test_a_test_set_can_be_too_small_for_any_number_of_seeds() -> None:
    judged = verdict(0.01, 0.01)
    assert judged.seeds_to_resolve is None
    assert "no number of seeds would resolve a gain of this size on 1,085 items" in judged.sentence


def test_one_seed_says_what_it_cannot_say() -> None:
    judged = verdict(0.01, 0.01, count=1)
    assert judged.seeds_to_resolve is None
    assert judged.sentence.startswith("Not resolved at 1 seed: ")
    assert "cannot be told from one" in judged.sentence


@pytest.mark.parametrize(
    ("metric", "unit"), [("mae", "classes"), ("quadratic_kappa", "+0.050 in"), ("macro_f1", "points")]
)
def test_units(metric: str, unit: str) -> None:
    judged = judge([claim(metric)], [found(0.05, 0.01)], rules())[0]
    assert unit in judged.sentence


def test_no_claims() -> None:
    assert judge([], [], rules()) == []


@pytest.mark.slow
def test_a_null_study_is_seldom_called_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    # statsmodels collects garbage at each correction, which would take most of this test's time.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    # The same ablation twice, with other seeds, in two metrics.
    generator = np.random.default_rng(1)
    words = []
    for study in range(500):
        labels, predicted = draw(Truth(3, 500, 0.06, 0.2, 0.2), generator)
        resamples = resample(labels, predicted, 5, rules(study))
        estimates = [estimate(resamples, name, "first", "second", 0.95) for name in ("accuracy", "macro_f1")]
        words += [judged.verdict for judged in judge([claim(), claim("macro_f1")], estimates, rules())]
    assert words.count("supported") / len(words) <= 0.05
    assert words.count("contradicted") / len(words) <= 0.05
