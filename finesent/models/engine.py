"""Forward passes over a tokenized split: for training, for scoring, and once for all frozen epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from finesent.data.batches import length_ordered
from finesent.data.tokens import TokenizedSplit
from finesent.models.classifier import Classifier
from finesent.models.device import autocast
from finesent.models.encoder import Encoder, Weights, takes_out_padding
from finesent.models.half import HalfWeights, half_parameters
from finesent.models.packed import packed_products
from finesent.models.prefix import PrefixStates
from finesent.models.recurrent import RecurrentNetwork

# Tokens, padding included, in a forward pass without gradient. On a CPU the states of one layer should fit
# its cache; a GPU needs more of them to be busy.
_CPU_TOKENS, _GPU_TOKENS = 1536, 16384
# What a further pass of a training step costs on a CPU, in tokens. A GPU had better be given one large pass.
_CPU_PASS = 64


class Engine:
    """Where tensors live and in which precision they are multiplied.

    In bf16 a pretrained encoder's states are bf16 throughout, and what reads them runs under autocast; the
    head, and a recurrent encoder, stay in float32.
    """

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = precision
        self._half = HalfWeights()

    def autocast(self) -> torch.autocast:
        """The context for a pass through the reader."""
        return autocast(self.device, self.precision)

    @property
    def scoring_tokens(self) -> int:
        """How many tokens, padding included, suit a forward pass without gradient."""
        return _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS

    def pass_tokens(self, encoder: Encoder) -> float:
        """What a pass with gradient costs beside its tokens, in tokens; infinite where one is always best."""
        return math.inf if self.device.type != "cpu" or takes_out_padding(encoder) else _CPU_PASS

    def weights(self, encoder: Encoder) -> Weights:
        """Return what an encoder's passes are to be made with, or None for its own weights."""
        if self.precision != "bf16" or isinstance(encoder, RecurrentNetwork):
            return None
        return self._half.of(encoder)

    def follow(self, encoder: Encoder, half_gradients: bool) -> None:
        """Say that whoever moves a weight moves its bf16 copy, which is turned for every batch else.

        From then on no encoder may be given other parameters.

        Args:
            encoder: whose weights.
            half_gradients: whether gradients stay bf16, as they were computed, or become float32.
        """
        self._half.followed = True
        if self.precision != "bf16" or isinstance(encoder, RecurrentNetwork):
            return
        for _, weight in half_parameters(encoder):
            weight.grad_dtype = torch.bfloat16 if half_gradients else torch.float32

    def half_of(self, parameter: nn.Parameter) -> torch.Tensor | None:
        """Return the bf16 copy of a weight that passes are made with, for whoever moves both."""
        return self._half.copy_of(parameter)

    def encode(
        self,
        classifier: Classifier,
        split: TokenizedSplit,
        rows: np.ndarray,
        weights: Weights = None,
        prefix: PrefixStates | None = None,
    ) -> torch.Tensor:
        """Return (B, H) float32 features of the rows, with gradient where the encoder learns.

        Args:
            classifier: the model.
            split: tokenized.
            rows: (B,) numbers.
            weights: of :meth:`weights`, where several passes share them; made here otherwise.
            prefix: states of the split, which stand in for its lowest layers.
        """
        input_ids, mask = (self.place(array) for array in split.padded(rows))
        weights = weights or self.weights(classifier.encoder)
        states = classifier.states(input_ids, mask, weights, None if prefix is None else prefix.of(rows))
        with self.autocast():
            return classifier.read(states, mask)

    def classify(self, classifier: Classifier, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C) float32 logits of (B, H) features."""
        # In float32: of so few operations each costs more than what a product in bf16 spares.
        logits: torch.Tensor = classifier.head(features)
        return logits

    def place(self, array: np.ndarray) -> torch.Tensor:
        """Copy an array to the device."""
        return torch.from_numpy(array).to(self.device, non_blocking=True)


@contextmanager
def scoring(classifier: Classifier) -> Iterator[None]:
    """Eval mode and no gradients inside; every module's own mode again afterwards."""
    modes = {module: module.training for module in classifier.modules()}
    classifier.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def scoring_passes(engine: Engine, classifier: Classifier) -> Iterator[Weights]:
    """As :func:`scoring`, with the weights for :meth:`Engine.encode`, laid out once for all passes inside."""
    with scoring(classifier):
        weights = engine.weights(classifier.encoder)
        with packed_products(classifier.encoder, weights or {}, engine.scoring_tokens):
            yield weights


def all_features(
    engine: Engine,
    classifier: Classifier,
    split: TokenizedSplit,
    tokens: int | None = None,
    prefix: PrefixStates | None = None,
) -> torch.Tensor:
    """Return (N, H) float32 features of a whole split on the engine's device, computed in length order.

    Args:
        engine: device and precision.
        classifier: the model.
        split: N rows.
        tokens: in one pass; None for as many as suit the device.
        prefix: states of the split, which stand in for its lowest layers.
    """
    parts, order = [], []
    with scoring_passes(engine, classifier) as weights:
        for rows in length_ordered(split.lengths, tokens or engine.scoring_tokens):
            parts.append(engine.encode(classifier, split, rows, weights, prefix))
            order.append(rows)
    features = torch.cat(parts)
    return features[torch.from_numpy(np.argsort(np.concatenate(order))).to(features.device)]


def all_logits(engine: Engine, classifier: Classifier, features: torch.Tensor) -> np.ndarray:
    """Return (N, C) float32 logits of (N, H) features."""
    with scoring(classifier):
        return engine.classify(classifier, features).cpu().numpy()
