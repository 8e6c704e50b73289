"""What holds for every loss: right gradients, finite values in extreme batches, and how they are built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finesent.errors import FinesentError
from finesent.training.losses import LOSSES, build_losses
from finesent.training.losses.base import LossInputs, View
from tests.training.helpers import make_ablation
from tests.training.loss_inputs import inputs_of, make, random_inputs

AT_ONCE = {"policy": "all", "after": 0}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in sorted(LOSSES)),
    ("cross-entropy", {"label_smoothing": 0.1}),
    ("focal", {"gamma": 0.5}),
    ("lcl", {"second_view": True, "normalise": False, "temperature": 10.0}),
    ("scl", {"second_view": True}),
    ("scl", {"normalise": False, "temperature": 10.0}),
    ("soft-labels", {"gold": 0.5}),
    ("triplet", {"mining": "batch-hard"}),
    ("triplet", {"mining": "batch-hard", "distance": "l2", "normalise": True}),
]
variants = pytest.mark.parametrize(
    ("name", "params"),
    VARIANTS,
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)


# The step of fgm and the weights of lcl are constants by definition; their gradients have tests of their own.
@pytest.mark.parametrize(
    ("name", "params"), [variant for variant in VARIANTS if variant[0] != "fgm"], ids=lambda value: str(value)
)
def test_gradients_are_right(name: str, params: dict[str, Any]) -> None:
    inputs, loss = random_inputs(3), make(name, **params)
    assert inputs.companions is not None and inputs.second is not None
    tensors = [
        tensor.detach().clone().requires_grad_()
        for tensor in (
            inputs.logits,
            inputs.features,
            inputs.companions,
            inputs.second.logits,
            inputs.second.features,
        )
    ]

    def value(
        logits: torch.Tensor,
        features: torch.Tensor,
        companions: torch.Tensor,
        again: torch.Tensor,
        features_again: torch.Tensor,
    ) -> torch.Tensor:
        own = replace(inputs, logits=logits, features=features, companions=companions)
        # A constant network, as the encoder's gradient does not pass through it.
        held = Fixed(inputs, name, params) if name == "lcl" else None
        return loss(replace(own, second=View(again, features_again), module=held))

    assert torch.autograd.gradcheck(value, tensors, eps=1e-6, atol=1e-5)


class Fixed(torch.nn.Module):
    """The weighting network's answers to the batch as it was, whatever features it is shown."""

    def __init__(self, inputs: LossInputs, name: str, params: dict[str, Any]) -> None:
        super().__init__()
        features, _ = make(name, **params).anchors(inputs)  # type: ignore[attr-defined]
        assert inputs.module is not None
        self.answers = inputs.module(features.detach()).detach()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.answers


@variants
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 9),
    one_class=st.booleans(),
    scale=st.sampled_from([0.0, 1.0, 1e4, 1e12]),
    precision=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_values_and_gradients_are_finite_in_extreme_batches(
    name: str,
    params: dict[str, Any],
    seed: int,
    batch: int,
    one_class: bool,
    scale: float,
    precision: torch.dtype,
) -> None:
    drawn = random_inputs(seed, batch)
    assert drawn.companions is not None and drawn.soft_labels is not None
    assert drawn.second is not None and drawn.module is not None

    def cast(tensor: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
        return (tensor.detach() * factor).to(precision).requires_grad_()

    # The stand-in for an encoder behind fgm squares its logits.
    height = min(scale, 1e4) if name == "fgm" else scale
    logits, features = cast(drawn.logits, height), cast(drawn.features)
    inputs = inputs_of(
        logits,
        torch.zeros_like(drawn.labels) if one_class else drawn.labels,
        features,
        cast(drawn.companions),
        drawn.soft_labels.float(),
        cast(drawn.second.logits, height),
        cast(drawn.second.features),
        drawn.module.float(),
    )
    value = make(name, **params)(inputs)
    assert value.shape == ()
    assert torch.isfinite(value)
    if value.requires_grad:
        value.backward()
    for tensor in (logits, features):
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()


def test_losses_are_built_by_name_with_their_own_params() -> None:
    losses = build_losses(
        make_ablation(losses={"triplet": {"weight": 0.2, "margin": 2.0}}, unfreeze=AT_ONCE), "params.yaml: x"
    )
    assert list(losses) == ["cross-entropy", "triplet"]
    assert losses["triplet"].weight == 0.2


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"tripplet": {"weight": 1.0}}, "did you mean 'triplet'"),
        ({"triplet": {"weight": 0.2, "marginn": 1.0}}, "marginn: unknown key"),
        ({"triplet": {"weight": -1.0}}, "weight"),
        ({"triplet": {"weight": 0.2}, "cross-entropy": None}, "trains the head"),
    ],
)
def test_bad_losses_are_refused(losses: dict[str, Any], message: str) -> None:
    with pytest.raises(FinesentError, match=message):
        build_losses(make_ablation(losses=losses, unfreeze=AT_ONCE), "params.yaml: ablations.x")


@pytest.mark.parametrize("name", [name for name, kind in sorted(LOSSES.items()) if not kind.reaches_head])
def test_a_loss_that_could_never_act_is_refused(name: str) -> None:
    with pytest.raises(FinesentError, match=f"losses.{name}.*no gradient in the head"):
        build_losses(make_ablation(losses={name: {"weight": 1.0}}), "params.yaml: ablations.x")


@pytest.mark.parametrize("name", [name for name, kind in sorted(LOSSES.items()) if kind.trains_head])
def test_a_loss_that_trains_the_head_may_stand_alone(name: str) -> None:
    alone = {name: {"weight": 1.0}, **({} if name == "cross-entropy" else {"cross-entropy": None})}
    assert list(build_losses(make_ablation(losses=alone), "test")) == [name]
