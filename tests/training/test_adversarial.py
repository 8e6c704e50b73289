"""Word embeddings moved along a gradient: fgm's value and gradient against a naive float64 loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from finesent.training.adversarial import ascent, moved, recorded
from finesent.training.losses.base import LossInputs
from tests.training.loss_inputs import make

WORDS, WIDTH, CLASSES = 7, 3, 4
# Word 2 stands in both sentences and twice in the first, so that its gradient is a sum.
IDS, LABELS = [[0, 2, 2, 5], [2, 1, 6, 3]], [3, 1]

Weights = dict[str, np.ndarray]


class Reader(nn.Module):
    """``V · mean over words of tanh(W e)``: a float64 encoder with its head."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(WORDS, WIDTH, dtype=torch.float64)
        self.middle = nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.float64)
        self.head = nn.Linear(WIDTH, CLASSES, bias=False, dtype=torch.float64)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(torch.tanh(self.middle(self.embeddings(ids))).mean(dim=1))
        return logits


def draw(seed: int) -> Weights:
    generator = np.random.default_rng(seed)
    shapes = {name: tuple(value.shape) for name, value in Reader().named_parameters()}
    return {name: generator.normal(size=shape) for name, shape in shapes.items()}


def fgm(
    weights: dict[str, torch.Tensor], epsilon: float, fixed: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss, and the (U, L, E) step that it took: ``fixed``, or along its own gradient."""
    reader, ids, steps = Reader(), torch.tensor(IDS), []
    with recorded(reader.embeddings) as embedded:
        logits = functional_call(reader, weights, (ids,))

    def perturbed(value: torch.Tensor, length: float) -> torch.Tensor:
        steps.append(ascent(value, embedded[0], length) if fixed is None else fixed)
        with moved(reader.embeddings, steps[0]):
            again: torch.Tensor = functional_call(reader, weights, (ids,))
        return again

    inputs = LossInputs(logits, torch.tensor(LABELS), features=logits, perturbed=perturbed)
    return make("fgm", epsilon=epsilon)(inputs), steps[0]


def entropy(weights: Weights, embedded: np.ndarray, label: int) -> float:
    """Cross-entropy of one sentence from its (L, E) embeddings, a word at a time."""
    state = sum(np.tanh(weights["middle.weight"] @ word) for word in embedded) / len(embedded)
    logits = weights["head.weight"] @ state
    return float(np.log(np.exp(logits).sum()) - logits[label])


def slopes(function: Callable[[np.ndarray], float], at: np.ndarray, width: float = 1e-5) -> np.ndarray:
    """The gradient of a function of an array by central differences, an entry at a time."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        ends = [at.copy(), at.copy()]
        ends[0][place] += width
        ends[1][place] -= width
        found[place] = (function(ends[0]) - function(ends[1])) / (2 * width)
    return found


def naive_steps(weights: Weights, epsilon: float) -> list[np.ndarray]:
    """``epsilon · g / ||g||_2`` of each sentence."""
    steps = []
    for ids, label in zip(IDS, LABELS, strict=True):
        embedded = np.array([weights["embeddings.weight"][word] for word in ids])
        gradient = slopes(lambda at, label=label: entropy(weights, at, label), embedded)
        steps.append(epsilon * gradient / np.sqrt((gradient**2).sum()))
    return steps


def naive(weights: Weights, steps: list[np.ndarray]) -> float:
    """The mean cross-entropy at embeddings moved by ``steps``."""
    values = []
    for ids, label, step in zip(IDS, LABELS, steps, strict=True):
        embedded = np.array([weights["embeddings.weight"][word] for word in ids])
        values.append(entropy(weights, embedded + step, label))
    return sum(values) / len(values)


both = pytest.mark.parametrize(("seed", "epsilon"), [(0, 0.3), (1, 2.0), (2, 5.0)])


@both
def test_fgm_is_the_naive_loop_and_its_gradient_takes_the_step_as_constant(seed: int, epsilon: float) -> None:
    weights = draw(seed)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    value, taken = fgm(tensors, epsilon)
    gradients = dict(zip(tensors, torch.autograd.grad(value, list(tensors.values())), strict=True))
    steps = naive_steps(weights, epsilon)
    np.testing.assert_allclose(taken.numpy(), steps, atol=1e-8)
    assert float(value.detach()) == pytest.approx(naive(weights, steps), abs=1e-8)
    for name, gradient in gradients.items():
        held = slopes(lambda at, name=name: naive({**weights, name: at}, steps), weights[name])
        np.testing.assert_allclose(gradient.numpy(), held, atol=1e-7)


def test_a_step_that_followed_the_weights_would_give_another_gradient() -> None:
    weights, epsilon = draw(1), 2.0
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    (gradient,) = torch.autograd.grad(fgm(tensors, epsilon)[0], tensors["middle.weight"])

    def following(at: np.ndarray) -> float:
        changed = {**weights, "middle.weight": at}
        return naive(changed, naive_steps(changed, epsilon))

    assert np.abs(gradient.numpy() - slopes(following, weights["middle.weight"], 1e-4)).max() > 1e-3


@both
def test_the_gradient_at_a_fixed_step_is_right(seed: int, epsilon: float) -> None:
    names, arrays = zip(*draw(seed).items(), strict=True)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    _, step = fgm(dict(zip(names, tensors, strict=True)), epsilon)

    def value(*weights: torch.Tensor) -> torch.Tensor:
        return fgm(dict(zip(names, weights, strict=True)), epsilon, fixed=step)[0]

    assert not step.requires_grad
    assert torch.autograd.gradcheck(value, tensors, eps=1e-6, atol=1e-7)
