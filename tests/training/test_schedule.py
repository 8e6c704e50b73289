import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.params.ablation import NeverUnfreeze, Schedule, Unfreeze, UnfreezeAll, UnfreezeTopDown
from finesent.training.schedule import rate_factor
from finesent.training.unfreezing import depth_at, levels_of
from tests.training.helpers import make_ablation


def test_warm_up_rises_from_the_groups_own_start() -> None:
    schedule = Schedule(shape="constant", warmup=0.2)
    assert rate_factor(0.5, 0.5, 10, schedule) == 0
    assert rate_factor(0.6, 0.5, 10, schedule) == pytest.approx(0.5)
    assert rate_factor(0.7, 0.5, 10, schedule) == pytest.approx(1)
    assert rate_factor(0.7, 0.0, 10, schedule) == 1


def test_linear_falls_to_zero() -> None:
    schedule = Schedule(shape="linear", warmup=0.0)
    assert rate_factor(0.0, 0.0, 4, schedule) == 1
    assert rate_factor(0.75, 0.0, 4, schedule) == pytest.approx(0.25)


@given(st.floats(0, 1), st.floats(0, 1))
def test_cosine_falls_to_zero_along_half_a_wave(progress: float, later: float) -> None:
    schedule = Schedule(shape="cosine", warmup=0.0)
    factor = rate_factor(progress, 0.0, 7, schedule)
    assert factor == pytest.approx(math.cos(math.pi * progress / 2) ** 2, abs=1e-12)
    assert factor + rate_factor(1 - progress, 0.0, 7, schedule) == pytest.approx(1, abs=1e-12)
    if later >= progress:
        assert rate_factor(later, 0.0, 7, schedule) <= factor


def test_cosine_warms_up_as_the_others_do() -> None:
    schedule = Schedule(shape="cosine", warmup=0.2)
    assert rate_factor(0.4, 0.3, 10, schedule) == pytest.approx(0.5 * (1 + math.cos(0.4 * math.pi)) / 2)


def test_exponential_decays_by_whole_epochs_from_the_one_named() -> None:
    schedule = Schedule(shape="exponential", warmup=0.0, gamma=0.9, from_epoch=3)
    factors = [rate_factor((epoch - 1 + 0.5) / 5, 0.0, 5, schedule) for epoch in range(1, 6)]
    assert factors == pytest.approx([1, 1, 0.9, 0.81, 0.729])


@given(st.integers(1, 60))
def test_exponential_counts_an_epoch_from_its_very_first_step(epochs: int) -> None:
    schedule = Schedule(shape="exponential", warmup=0.0, gamma=0.5, from_epoch=1)
    for epoch in range(1, epochs + 1):
        assert rate_factor((epoch - 1) / epochs, 0.0, epochs, schedule) == 0.5**epoch


@pytest.mark.parametrize(
    ("unfreeze", "depths"),
    [
        (NeverUnfreeze(policy="never"), [0, 0, 0, 0, 0, 0]),
        (UnfreezeAll(policy="all", after=2), [0, 0, 4, 4, 4, 4]),
        (UnfreezeAll(policy="all", after=0), [4, 4, 4, 4, 4, 4]),
        (UnfreezeTopDown(policy="top-down", after=1, every=1), [0, 1, 2, 3, 4, 4]),
        (UnfreezeTopDown(policy="top-down", after=0, every=2), [1, 1, 2, 2, 3, 3]),
    ],
)
def test_depth_by_epoch(unfreeze: Unfreeze, depths: list[int]) -> None:
    assert [depth_at(epoch, unfreeze, parts=4) for epoch in range(1, 7)] == depths


def test_levels_count_the_parts_above(backbone: Path) -> None:
    classifier = Classifier(load_encoder(backbone), "mean", make_ablation().head, 5)
    levels = levels_of(classifier)
    assert levels.keys() == {name for name, _ in classifier.named_parameters() if name.startswith("encoder.")}
    expected = {"encoder.encoder.layer.1.": 0, "encoder.encoder.layer.0.": 1, "encoder.embeddings.": 2}
    for prefix, level in expected.items():
        assert {found for name, found in levels.items() if name.startswith(prefix)} == {level}
