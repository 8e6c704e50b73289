"""The running average: its closed form, who takes part, and a run that keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from finesent.params.ablation import Ema
from finesent.training.averaging import WeightAverage
from tests.training.helpers import (
    assert_scored_as_kept,
    hashes,
    history,
    interrupted_before,
    make_ablation,
    timeless,
    train,
)

weights = st.lists(st.floats(-10, 10), min_size=1, max_size=40)


def ema(decay: float = 0.9, from_epoch: int = 1) -> WeightAverage:
    return WeightAverage(Ema(kind="ema", decay=decay, from_epoch=from_epoch))


def parameter(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value], dtype=torch.float64))


def walk(average: WeightAverage, moving: nn.Parameter, values: list[float]) -> None:
    """Let the parameter take each value in turn, as a step would give it."""
    for value in values:
        with torch.no_grad():
            moving.fill_(value)
        average.update({"w": moving}, epoch=1)


@given(weights, st.floats(0.01, 0.999))
def test_it_weighs_the_steps_as_its_definition_says(values: list[float], decay: float) -> None:
    average = ema(decay)
    walk(average, parameter(99.0), values)
    shares = decay ** np.arange(len(values) - 1, -1, -1, dtype=np.float64)
    expected = (shares * values).sum() / shares.sum()
    assert float(average.weights["w"]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.floats(-1e6, 1e6), st.integers(1, 50), st.floats(0.01, 0.999))
def test_weights_that_stand_still_are_their_own_average(value: float, steps: int, decay: float) -> None:
    average = ema(decay)
    walk(average, parameter(0.0), [value] * steps)
    assert float(average.weights["w"]) == value


@given(weights, weights)
def test_a_restored_average_goes_on_bit_for_bit(before: list[float], after: list[float]) -> None:
    ours, theirs, moving = ema(), ema(), parameter(0.0)
    walk(ours, moving, before)
    theirs.load_state({key: value.clone() for key, value in ours.state().items()}, {"w": moving})
    walk(ours, moving, after)
    walk(theirs, moving, after)
    assert torch.equal(ours.weights["w"], theirs.weights["w"])
    assert torch.equal(ours.state()["w|updates"], theirs.state()["w|updates"])


def test_a_parameter_that_joins_later_counts_its_own_steps() -> None:
    average, first, second = ema(0.5), parameter(4.0), parameter(7.0)
    average.update({"first": first}, epoch=1)
    with torch.no_grad():
        first.fill_(1.0)
    average.update({"first": first, "second": second}, epoch=1)
    # (0.5 * 4 + 1) / 1.5 by hand; the other has had a single step.
    assert float(average.weights["first"]) == pytest.approx(2.0)
    assert float(average.weights["second"]) == 7.0


def test_nothing_is_averaged_before_its_epoch_nor_without_params() -> None:
    late, never, moving = ema(from_epoch=3), WeightAverage(None), parameter(1.0)
    for epoch in (1, 2):
        late.update({"w": moving}, epoch)
        never.update({"w": moving}, epoch)
    assert late.state() == never.state() == {}
    late.update({"w": moving}, 3)
    assert late.weights.keys() == {"w"}


def test_the_weights_come_back_after_scoring_even_when_it_fails() -> None:
    average, moving = ema(0.5), parameter(0.0)
    walk(average, moving, [1.0, 0.1])
    with average.applied():
        assert moving.item() == pytest.approx(0.4)
    assert moving.item() == 0.1
    with pytest.raises(ZeroDivisionError), average.applied():
        raise ZeroDivisionError
    assert moving.item() == 0.1


AVERAGED = make_ablation(
    unfreeze={"policy": "top-down", "after": 1, "every": 1},
    epochs=5,
    average={"kind": "ema", "decay": 0.9, "from_epoch": 3},
    select="loss",
)


def test_it_changes_what_is_scored_and_not_how_the_weights_move(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    plain = AVERAGED.model_copy(update={"average": None})
    train(tmp_path / "plain", tokens, backbone, plain, [0])
    train(tmp_path / "averaged", tokens, backbone, AVERAGED, [0])
    ours, theirs = history(tmp_path / "averaged"), history(tmp_path / "plain")
    for column in ("train_loss", "train_accuracy", "gradient_norm"):
        # With averages every row of the word embeddings moves at every step, and is rounded as often.
        wanted = [float(row[column]) for row in theirs]
        assert [float(row[column]) for row in ours] == pytest.approx(wanted, rel=1e-5)
    differs = [a["dev_loss"] != b["dev_loss"] for a, b in zip(ours, theirs, strict=True)]
    assert differs == [False, False, True, True, True]


def test_the_kept_model_is_the_one_that_was_scored(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    train(tmp_path, tokens, backbone, AVERAGED, [0])
    chosen = next(row for row in history(tmp_path) if row["selected"] == "1")
    # Else the averages, which begin in the third epoch, would have no part in what is kept.
    assert int(chosen["epoch"]) >= 3
    assert_scored_as_kept(tmp_path / "models" / "a" / "0", tokens)


def test_patience_waits_until_the_averages_begin(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    stuck = make_ablation(
        epochs=12,
        patience=2,
        learning_rate={"head": 1e-9, "backbone": 1e-9},
        average={"kind": "ema", "decay": 0.9, "from_epoch": 4},
    )
    train(tmp_path, tokens, backbone, stuck, [0])
    assert len(history(tmp_path)) == 6


@pytest.mark.parametrize("stop", [3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(
    stop: int, tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    train(tmp_path / "whole", tokens, backbone, AVERAGED, [0])
    with interrupted_before(stop):
        train(tmp_path / "parts", tokens, backbone, AVERAGED, [0])
    train(tmp_path / "parts", tokens, backbone, AVERAGED, [0])
    assert hashes(tmp_path / "whole" / "models") == hashes(tmp_path / "parts" / "models")
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "parts")
