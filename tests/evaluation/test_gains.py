"""Estimated gains against closed forms, and how often their intervals are right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.interval_coverage import coverage
from benchmarks.simulated_studies import Truth, draw
from finesent.evaluation.gains import Estimate, Variance, estimate, report_gain, sign_flip, variance_parts
from finesent.evaluation.resampling import resample
from finesent.params.compare import Compare

CLASSES = 5


def rules(resamples: int = 2000, confidence: float = 0.95, seed: int = 0) -> Compare:
    return Compare(
        baseline="baseline",
        family="baseline",
        confidence=confidence,
        power=0.8,
        resamples=resamples,
        seed=seed,
    )


def made_up(seeds: int, items: int, spread: float = 0.1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return draw(Truth(seeds, items, spread, 0.5, 0.2), np.random.default_rng(0))


def an_estimate(seeds: int, items: int = 400, confidence: float = 0.95, metric: str = "accuracy") -> Estimate:
    labels, predicted = made_up(seeds, items)
    found = resample(labels, predicted, CLASSES, rules())
    return estimate(found, metric, "first", "second", confidence)  # type: ignore[arg-type]


def made(value: float, error: float, count: int = 5) -> Estimate:
    variance = Variance(items=error**2, seeds=0.0, interaction=0.0, count=count, n=1000)
    return Estimate(value, variance, np.full(count, value), (0.0, 0.0))


def test_value_is_the_difference_of_the_means_and_mae_is_turned() -> None:
    labels, predicted = made_up(4, 200)
    found = resample(labels, predicted, CLASSES, rules())
    right = {name: (rows == labels).mean() for name, rows in predicted.items()}
    apart = {name: np.abs(rows - labels).mean() for name, rows in predicted.items()}
    accuracy = estimate(found, "accuracy", "first", "second", 0.95)
    mae = estimate(found, "mae", "first", "second", 0.95)
    assert accuracy.value == pytest.approx(right["first"] - right["second"])
    assert mae.value == pytest.approx(apart["second"] - apart["first"])
    assert accuracy.value > 0 and mae.value > 0


def test_variance_parts_are_those_of_a_two_way_analysis() -> None:
    labels, predicted = made_up(5, 400)
    right = {name: (rows == labels).astype(float) for name, rows in predicted.items()}
    gain = right["first"] - right["second"]
    seeds, items = gain.shape
    of_item, of_seed = gain.mean(axis=0), gain.mean(axis=1)
    rest = gain - of_item - of_seed[:, None] + gain.mean()
    found = estimate(resample(labels, predicted, CLASSES, rules(20_000)), "accuracy", "first", "second", 0.95)
    assert found.variance.seeds == pytest.approx(of_seed.var(ddof=1) / seeds)
    assert found.variance.items == pytest.approx(of_item.var(ddof=1) / items, rel=0.05)
    mean_square = (rest**2).sum() / ((seeds - 1) * (items - 1))
    assert found.variance.interaction == pytest.approx(mean_square / (seeds * items), rel=0.05)
    total = found.variance.items + found.variance.seeds - found.variance.interaction
    assert found.variance.total == pytest.approx(total)


def test_degrees_of_freedom_reach_from_the_seeds_to_the_items() -> None:
    assert Variance(items=0, seeds=1, interaction=0, count=5, n=100).degrees_of_freedom == pytest.approx(4)
    assert Variance(items=1, seeds=0, interaction=0, count=5, n=100).degrees_of_freedom == pytest.approx(99)
    assert Variance(items=1, seeds=0, interaction=0, count=1, n=100).degrees_of_freedom == 99
    assert Variance(items=0, seeds=0, interaction=0, count=3, n=100).degrees_of_freedom == 99


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(2, 20), st.integers(2, 20))
def test_more_seeds_never_hurt(items: float, seeds: float, both: float, count: int, more: int) -> None:
    interaction = both * min(items, seeds)
    now = Variance(items, seeds, interaction, count, 500)
    later = now.with_seeds(count + more)
    assert later.total <= now.total + 1e-12
    same = now.with_seeds(count)
    assert (same.items, same.seeds) == pytest.approx((items, seeds))


def test_one_seed_has_the_error_of_its_items() -> None:
    labels, predicted = made_up(1, 400)
    found = estimate(resample(labels, predicted, CLASSES, rules(20_000)), "accuracy", "first", "second", 0.95)
    paired = (predicted["first"][0] == labels).astype(float) - (predicted["second"][0] == labels)
    assert found.standard_error == pytest.approx(paired.std() / np.sqrt(400), rel=0.03)
    written = report_gain(found, found.p, rules())
    assert written.p_sign_flip is None and written.seeds_sd is None


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "mae", "quadratic_kappa"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_p_is_below_the_level_where_the_interval_leaves_zero_out(seeds: int, metric: str) -> None:
    found = an_estimate(seeds, metric=metric)
    for confidence in (0.8, 0.95, 0.999, 1 - found.p * 1.001, 1 - found.p * 0.999):
        assert (found.p < 1 - confidence) == (abs(found.value) > found.half_width(confidence))


def test_equivalence_is_two_one_sided_tests() -> None:
    tight, wide = made(0.002, 0.002), made(0.002, 0.02)
    assert tight.p_equivalent(0.01) < 0.05 < wide.p_equivalent(0.01)
    # Within ± 0.01 at level .05 exactly where the 90 % interval is.
    for found in (tight, wide):
        inside = abs(found.value) + found.half_width(0.9) < 0.01
        assert inside == (found.p_equivalent(0.01) < 0.05)


def test_the_minimum_detectable_gain_is_found_with_the_asked_power() -> None:
    truth = made(0.0, 0.01).minimum_detectable(0.95, 0.8)
    assert truth == pytest.approx(0.028, abs=1e-3)
    values = np.random.default_rng(0).normal(truth, 0.01, 4000)
    assert np.mean([made(value, 0.01).p < 0.05 for value in values]) == pytest.approx(0.8, abs=0.02)


def test_a_gain_without_variance() -> None:
    same, better = made(0.0, 0.0), made(0.5, 0.0)
    assert (same.p, same.half_width(0.95), same.p_equivalent(0.01)) == (1.0, 0.0, 0.0)
    assert (better.p, better.p_equivalent(0.01)) == (0.0, 1.0)
    drawn = np.zeros((10, 3))
    assert variance_parts(np.zeros(3), drawn, 20).total == 0


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_sign_flip_tries_every_pattern(seeds: int) -> None:
    by_seed = np.random.default_rng(seeds).normal(0.5, 1, seeds)
    means = [np.mean(by_seed * signs) for signs in itertools.product((1, -1), repeat=seeds)]
    expected = np.mean(np.abs(means) >= abs(by_seed.mean()) - 1e-12)
    assert sign_flip(by_seed, 0) == pytest.approx(expected)
    assert expected >= 2 / 2**seeds


def test_sign_flip_with_many_seeds_agrees_with_t() -> None:
    by_seed = np.random.default_rng(0).normal(0.5, 1, 30)
    p = sign_flip(by_seed, 0)
    assert p is not None
    assert p == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, abs=0.01)
    assert p == sign_flip(by_seed, 0)


def test_the_plain_percentiles_are_of_seeds_and_items() -> None:
    labels, predicted = made_up(3, 300)
    drawn = resample(labels, predicted, CLASSES, rules(4000))
    found = estimate(drawn, "accuracy", "first", "second", 0.9)
    values = drawn.resampled["accuracy"]["first"] - drawn.resampled["accuracy"]["second"]
    hierarchical = (values * drawn.seed_counts).sum(axis=1) / 3
    assert found.percentiles == pytest.approx(tuple(np.quantile(hierarchical, [0.05, 0.95])))


def test_what_is_written_is_rounded_and_complete() -> None:
    written = report_gain(an_estimate(4), 0.123456789, rules())
    assert written.p_holm == 0.123457
    assert written.low < written.value < written.high
    assert written.value - written.low == pytest.approx(written.high - written.value, abs=2e-6)
    assert written.p_sign_flip is not None and written.seeds_sd is not None


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # Other designs: python -m benchmarks.interval_coverage.
    found = coverage(Truth(seeds=5, items=500, seed_spread=0.06, first=0.4, second=0.2), studies=600)
    assert 0.93 <= found["held"] <= 0.97
