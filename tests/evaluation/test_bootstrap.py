"""The paired bootstrap against a loop that really repeats items, and against what is known."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from finesent.evaluation import bootstrap
from finesent.evaluation.bootstrap import paired_bootstrap, resampled_means
from finesent.params.compare import Compare

CLASSES = 5


def rules(resamples: int = 500, confidence: float = 0.95, seed: int = 0) -> Compare:
    return Compare(baseline="baseline", confidence=confidence, resamples=resamples, seed=seed)


def made_up(seeds: int, items: int, right: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, items)
    guesses = generator.integers(0, CLASSES, (seeds, items))
    return labels, np.where(generator.random((seeds, items)) < right, labels, guesses)


def test_matches_a_loop_over_repeated_seeds_and_items() -> None:
    labels, predicted = made_up(seeds=3, items=40, right=0.4)
    predicted[predicted == 4] = 3  # a class that is never predicted
    generator = np.random.default_rng(1)
    seed_counts = generator.multinomial(3, [1 / 3] * 3, size=20)
    item_counts = generator.multinomial(40, [1 / 40] * 40, size=20)
    accuracy, macro_f1 = resampled_means(labels, predicted, CLASSES, seed_counts * 1.0, item_counts * 1.0)
    for row in range(20):
        items = np.repeat(np.arange(40), item_counts[row])
        seeds = np.repeat(np.arange(3), seed_counts[row])
        assert accuracy[row] == pytest.approx(
            np.mean([accuracy_score(labels[items], predicted[seed, items]) for seed in seeds])
        )
        f1 = [
            f1_score(
                labels[items], predicted[seed, items], labels=range(CLASSES), average="macro", zero_division=0
            )
            for seed in seeds
        ]
        assert macro_f1[row] == pytest.approx(np.mean(f1))


def test_counts_are_multinomial() -> None:
    counts = bootstrap._counts(7, 2000, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    # The variance of a multinomial count with n = 7 and p = 1/7.
    np.testing.assert_allclose(counts.var(axis=0), 7 * (1 / 7) * (6 / 7), rtol=0.15)


def test_estimate_is_the_difference_of_the_means() -> None:
    labels, ours = made_up(4, 200, right=0.6, seed=1)
    _, baseline = made_up(4, 200, right=0.3, seed=1)
    result = paired_bootstrap(labels, ours, baseline, CLASSES, rules())
    expected = (ours == labels).mean() - (baseline == labels).mean()
    assert result.accuracy.value == pytest.approx(expected)
    assert result.accuracy.low < expected < result.accuracy.high
    assert result.accuracy.low > 0
    assert result.macro_f1.low < result.macro_f1.value < result.macro_f1.high
    assert result.resampled == "seeds and items"


def test_a_constant_difference_has_an_interval_without_width() -> None:
    labels, predicted = made_up(3, 100, right=0.5)
    wrong = np.broadcast_to((labels + 1) % CLASSES, (3, 100))
    right = np.broadcast_to(labels, (3, 100))
    result = paired_bootstrap(labels, right, wrong, CLASSES, rules())
    assert (result.accuracy.low, result.accuracy.value, result.accuracy.high) == pytest.approx((1, 1, 1))
    same = paired_bootstrap(labels, predicted, predicted, CLASSES, rules())
    for interval in (same.accuracy, same.macro_f1):
        assert (interval.low, interval.value, interval.high) == (0, 0, 0)


def test_one_seed_resamples_items_only_and_says_so() -> None:
    labels, ours = made_up(1, 400, right=0.5, seed=2)
    _, baseline = made_up(1, 400, right=0.5, seed=3)
    result = paired_bootstrap(labels, ours, baseline, CLASSES, rules(4000))
    assert result.resampled == "items"
    # The standard error of a paired difference of means, in closed form.
    paired = (ours[0] == labels).astype(float) - (baseline[0] == labels)
    half_width = 1.96 * paired.std() / np.sqrt(400)
    assert (result.accuracy.high - result.accuracy.low) / 2 == pytest.approx(half_width, rel=0.1)


def test_spread_between_seeds_widens_the_interval() -> None:
    labels, _ = made_up(1, 300, right=0)
    shares = [0.2, 0.4, 0.6, 0.8]
    wrong = (labels + 1) % CLASSES
    uneven = np.stack([np.where(np.arange(300) < share * 300, labels, wrong) for share in shares])
    even = np.stack([np.where(np.arange(300) < 150, labels, wrong)] * 4)
    baseline = np.broadcast_to(wrong, (4, 300))

    def width(ours: np.ndarray) -> float:
        interval = paired_bootstrap(labels, ours, baseline, CLASSES, rules()).accuracy
        return interval.high - interval.low

    assert width(uneven) > 2 * width(even)


def test_same_seed_same_interval_and_wider_with_more_confidence() -> None:
    labels, ours = made_up(3, 100, right=0.6)
    _, baseline = made_up(3, 100, right=0.4, seed=5)
    first, again = (paired_bootstrap(labels, ours, baseline, CLASSES, rules()) for _ in range(2))
    other = paired_bootstrap(labels, ours, baseline, CLASSES, rules(seed=1))
    wide = paired_bootstrap(labels, ours, baseline, CLASSES, rules(confidence=0.99))
    assert first == again
    assert first.accuracy != other.accuracy
    assert wide.accuracy.low < first.accuracy.low and first.accuracy.high < wide.accuracy.high


def test_chunks_are_bounded_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_CHUNK", 1000)
    sizes = [items.shape for _, items in bootstrap._draws(3, 300, rules(100))]
    assert sizes == [(3, 300)] * 33 + [(1, 300)]


def test_intervals_cover_the_true_difference() -> None:
    # Every seed has an effect of its own around a true difference of 0.1, and items are drawn anew.
    generator = np.random.default_rng(0)
    covered = 0
    studies, seeds, items, truth = 150, 10, 150, 0.1
    for study in range(studies):
        gains = truth + generator.normal(scale=0.03, size=seeds)
        labels = generator.integers(0, 2, items)
        luck = generator.random((seeds, items))
        baseline = np.where(luck < 0.6, labels, 1 - labels)
        ours = np.where(luck < 0.6 + gains[:, None], labels, 1 - labels)
        interval = paired_bootstrap(labels, ours, baseline, 2, rules(200, seed=study)).accuracy
        covered += interval.low <= truth <= interval.high
    assert 0.88 <= covered / studies <= 1.0


def test_a_full_sst5_study_takes_seconds() -> None:
    labels, ours = made_up(5, 2210, right=0.5)
    _, baseline = made_up(5, 2210, right=0.4, seed=1)
    start = time.process_time()
    paired_bootstrap(labels, ours, baseline, CLASSES, rules(10_000))
    assert time.process_time() - start < 30
