"""An ablation is its own block over the defaults, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.errors import FinesentError
from finesent.params.ablation import (
    Ema,
    NeverUnfreeze,
    UnfreezeAll,
    UnfreezeTopDown,
    merge_ablation,
    read_ablation,
)

Spoil = Callable[..., Path]


def test_defaults_are_filled_in(spoil: Spoil) -> None:
    ablation = read_ablation("after-n", spoil())
    assert ablation.input == "prompt"
    assert ablation.unfreeze == UnfreezeAll(policy="all", after=3)
    assert ablation.learning_rate.backbone == 1e-5
    assert ablation.losses == {"cross-entropy": {"weight": 1.0}}
    assert (ablation.schedule.gamma, ablation.schedule.from_epoch) == (0.9, 1)


def test_an_override_goes_as_deep_as_it_says(spoil: Spoil) -> None:
    path = spoil("ablations.baseline", {"input": "plain", "learning_rate": {"head": 0.5}, "epochs": 2})
    ablation = read_ablation("baseline", path)
    assert (ablation.learning_rate.head, ablation.learning_rate.backbone) == (0.5, 1e-5)
    assert ablation.epochs == 2
    assert read_ablation("after-n", path).epochs == 5


def test_the_defaults_of_other_ablations_stay_untouched() -> None:
    defaults = {"losses": {"a": {"weight": 1.0}}, "unfreeze": {"policy": "never"}}
    merge_ablation(defaults, {"losses": {"a": None, "b": {"weight": 2}}, "unfreeze": {"policy": "all"}})
    assert defaults == {"losses": {"a": {"weight": 1.0}}, "unfreeze": {"policy": "never"}}


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (
            {"triplet": {"weight": 0.2, "margin": 1.0}},
            {"cross-entropy": {"weight": 1.0}, "triplet": {"weight": 0.2, "margin": 1.0}},
        ),
        ({"cross-entropy": {"weight": 0.5}}, {"cross-entropy": {"weight": 0.5}}),
        ({"cross-entropy": None, "emd": {"weight": 1}}, {"emd": {"weight": 1}}),
        ({"unheard-of": None}, {"cross-entropy": {"weight": 1.0}}),
    ],
)
def test_losses_are_added_changed_and_taken_out(
    spoil: Spoil, losses: dict[str, Any], expected: dict[str, Any]
) -> None:
    path = spoil("ablations.baseline", {"input": "plain", "losses": losses})
    assert read_ablation("baseline", path).losses == expected


def test_taking_out_every_loss_is_refused(spoil: Spoil) -> None:
    path = spoil("ablations.baseline", {"input": "plain", "losses": {"cross-entropy": None}})
    with pytest.raises(FinesentError, match="losses: "):
        read_ablation("baseline", path)


TOP_DOWN = {"policy": "top-down", "after": 1, "every": 2}


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [
        (TOP_DOWN, {"policy": "all", "after": 2}, UnfreezeAll(policy="all", after=2)),
        (TOP_DOWN, {"policy": "never"}, NeverUnfreeze(policy="never")),
        (TOP_DOWN, {"policy": "top-down", "after": 2}, UnfreezeTopDown(policy="top-down", after=2, every=2)),
        (TOP_DOWN, {"every": 1}, UnfreezeTopDown(policy="top-down", after=1, every=1)),
        (TOP_DOWN, {}, UnfreezeTopDown(policy="top-down", after=1, every=2)),
        ({"policy": "never"}, TOP_DOWN, UnfreezeTopDown(policy="top-down", after=1, every=2)),
    ],
    ids=["other policy", "never", "same policy", "no policy", "nothing", "from never"],
)
def test_unfreeze_is_replaced_when_the_policy_differs_and_merged_when_not(
    spoil: Spoil, default: dict[str, Any], own: dict[str, Any], expected: object
) -> None:
    path = spoil("defaults.unfreeze", default)
    text = path.read_text().replace('{"policy": "all", "after": 3}', str(own).replace("'", '"'))
    path.write_text(text)
    assert read_ablation("after-n", path).unfreeze == expected


def test_another_policy_does_not_inherit_what_it_needs(spoil: Spoil) -> None:
    path = spoil("defaults.unfreeze", {"policy": "all", "after": 1})
    text = path.read_text().replace('{"policy": "all", "after": 3}', '{"policy": "top-down", "every": 1}')
    path.write_text(text)
    with pytest.raises(FinesentError, match=r"ablations\.after-n: unfreeze\.after: missing"):
        read_ablation("after-n", path)


def test_unknown_ablation_offers_the_nearest(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match=r"unknown ablation 'aftern'.*did you mean 'after-n'") as caught:
        read_ablation("aftern", spoil())
    assert caught.value.remedy == "choose one of: after-n, baseline"


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"lr": 1.0}, "lr: unknown key"),
        ({"head": {"width": 3}}, r"head\.width: unknown key"),
        ({"head": {"dropout": 1}}, r"head\.dropout: .*less than 1, found 1"),
        ({"head": {"dropout": "0.1"}}, r'head\.dropout: .*found "0\.1"'),
        ({"head": {"kind": "mlp"}}, r"head\.kind: "),
        ({"head": None}, "head: "),
        ({"pooling": "max"}, "pooling: .*'first' or 'mean'"),
        ({"losses": {"cross-entropy": 1.0}}, r"losses\.cross-entropy: "),
        ({"losses": {}, "unfreeze": {"policy": "some"}}, "unfreeze: .*'top-down'"),
        ({"unfreeze": {"policy": "never", "after": 1}}, r"unfreeze\.after: unknown key"),
        ({"unfreeze": {"policy": "all", "after": -1}}, r"unfreeze\.after: "),
        ({"unfreeze": {"policy": "all"}}, r"unfreeze\.after: missing"),
        ({"unfreeze": {"policy": "top-down", "after": 1, "every": 0}}, r"unfreeze\.every: "),
        ({"unfreeze": "never"}, "unfreeze: "),
        ({"learning_rate": {"head": 0}}, r"learning_rate\.head: "),
        ({"learning_rate": {"backbone": 2}}, r"learning_rate\.backbone: "),
        ({"learning_rate": 0.1}, "learning_rate: "),
        ({"weight_decay": -0.1}, "weight_decay: "),
        ({"weight_decay": "1e-5"}, 'weight_decay: .*found "1e-5"'),
        ({"schedule": {"warmup": 1}}, r"schedule\.warmup: "),
        ({"schedule": {"shape": "step"}}, r"schedule\.shape: "),
        ({"learning_rate": {"layer_decay": 0}}, r"learning_rate\.layer_decay: "),
        ({"learning_rate": {"layer_decay": 1.1}}, r"learning_rate\.layer_decay: "),
        ({"average": {"kind": "ema"}}, r"average\.decay: missing"),
        ({"average": {"kind": "ema", "decay": 1}}, r"average\.decay: .*less than 1"),
        ({"average": {"kind": "ema", "decay": 0}}, r"average\.decay: "),
        ({"average": {"kind": "swa", "decay": 0.9}}, r"average\.kind: "),
        ({"average": {"kind": "ema", "decay": 0.9, "from_epoch": 6}}, "from_epoch=6 leaves no epoch of 5"),
        ({"average": 0.9}, "average: "),
        ({"reinitialise": -1, "unfreeze": {"policy": "all", "after": 0}}, "reinitialise: "),
        ({"reinitialise": 1}, r"reinitialise=1 needs an unfreeze\.policy"),
        ({"schedule": {"from_epoch": 0}}, r"schedule\.from_epoch: "),
        ({"max_grad_norm": 0}, "max_grad_norm: "),
        ({"batch": {"tokens": 512}}, "batch: set exactly one of sentences and tokens"),
        ({"batch": {"sentences": None}}, "batch: set exactly one of sentences and tokens"),
        ({"batch": {"sentences": 0}}, r"batch\.sentences: "),
        ({"epochs": 0}, "epochs: "),
        ({"patience": 0}, "patience: "),
        ({"select": "f1"}, "select: .*'macro-f1'"),
        ({"input": None}, "input: "),
    ],
)
def test_bad_value_is_told_by_its_key(spoil: Spoil, own: dict[str, Any], problem: str) -> None:
    path = spoil("ablations.baseline", {"input": "plain", **own})
    with pytest.raises(FinesentError, match=problem) as caught:
        read_ablation("baseline", path)
    assert caught.value.place == f"{path}: ablations.baseline"


def test_yaml_infinity_is_no_weight_decay(spoil: Spoil) -> None:
    path = spoil()
    path.write_text(path.read_text().replace('"weight_decay": 0.01', '"weight_decay": .inf'))
    with pytest.raises(FinesentError, match=r"weight_decay: .*finite"):
        read_ablation("baseline", path)


def test_batch_may_count_tokens_instead(spoil: Spoil) -> None:
    path = spoil("ablations.baseline", {"input": "plain", "batch": {"sentences": None, "tokens": 512}})
    assert read_ablation("baseline", path).batch.tokens == 512


def test_what_is_left_out_is_as_if_it_did_not_exist(spoil: Spoil) -> None:
    ablation = read_ablation("after-n", spoil())
    assert (ablation.learning_rate.layer_decay, ablation.average, ablation.reinitialise) == (1.0, None, 0)


def test_an_ablation_may_drop_the_average_of_the_defaults(spoil: Spoil) -> None:
    ema = {"kind": "ema", "decay": 0.9, "from_epoch": 5}
    path = spoil("defaults.average", ema)
    assert read_ablation("baseline", path).average == Ema(kind="ema", decay=0.9, from_epoch=5)
    path.write_text(path.read_text().replace('"input": "plain"', '"input": "plain", "average": null'))
    assert read_ablation("baseline", path).average is None


@pytest.mark.parametrize("policy", [{"policy": "all"}, {"policy": "top-down", "every": 1}])
def test_unfreezing_after_the_last_epoch_is_refused(spoil: Spoil, policy: dict[str, Any]) -> None:
    for after in (5, 6):
        path = spoil("ablations.baseline", {"input": "plain", "unfreeze": {**policy, "after": after}})
        with pytest.raises(FinesentError, match=f"unfreeze.after={after} leaves no epoch of 5"):
            read_ablation("baseline", path)
    path = spoil("ablations.baseline", {"input": "plain", "unfreeze": {**policy, "after": 4}})
    assert read_ablation("baseline", path).epochs == 5


@pytest.mark.parametrize(
    ("key", "problem"),
    [("ablations", "ablations: must be a mapping"), ("defaults", "defaults: must be a mapping")],
)
def test_missing_blocks_are_named(spoil: Spoil, key: str, problem: str) -> None:
    with pytest.raises(FinesentError, match=problem):
        read_ablation("baseline", spoil(key))


def test_an_ablation_that_is_no_mapping_is_named(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match="baseline: must be a mapping"):
        read_ablation("baseline", spoil("ablations.baseline", None))
