"""Forward passes over a tokenized split: for training, for scoring, and once for all frozen epochs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from finesent.data.batches import length_ordered
from finesent.data.tokens import TokenizedSplit
from finesent.models.classifier import Classifier
from finesent.models.device import autocast
from finesent.models.half import HalfWeights, half_embeddings
from finesent.models.recurrent import RecurrentNetwork

# Tokens, padding included, in a forward pass without gradient.
SCORING_TOKENS = 8192


class Engine:
    """Where tensors live and in which precision they are multiplied.

    In bf16 a pretrained encoder's states are bf16 throughout, and what reads them runs under autocast; a
    recurrent encoder stays in float32.
    """

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = precision
        self._half = HalfWeights()

    def autocast(self) -> torch.autocast:
        """The context for a pass through reader or head."""
        return autocast(self.device, self.precision)

    def encode(self, classifier: Classifier, split: TokenizedSplit, rows: np.ndarray) -> torch.Tensor:
        """Return (B, H) float32 features of the rows, with gradient where the encoder learns."""
        input_ids, mask = (self.place(array) for array in split.padded(rows))
        encoder = classifier.encoder
        if self.precision == "bf16" and not isinstance(encoder, RecurrentNetwork):
            with half_embeddings(encoder):
                states = classifier.states(input_ids, mask, self._half.of(encoder))
        else:
            states = classifier.states(input_ids, mask)
        with self.autocast():
            return classifier.read(states, mask)

    def classify(self, classifier: Classifier, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C) float32 logits of (B, H) features."""
        with self.autocast():
            logits: torch.Tensor = classifier.head(features)
        return logits.float()

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


def all_features(
    engine: Engine, classifier: Classifier, split: TokenizedSplit, tokens: int = SCORING_TOKENS
) -> torch.Tensor:
    """Return (N, H) float32 features of a whole split on the engine's device, computed in length order."""
    parts, order = [], []
    with scoring(classifier):
        for rows in length_ordered(split.lengths, tokens):
            parts.append(engine.encode(classifier, split, rows))
            order.append(rows)
    features = torch.cat(parts)
    return features[torch.from_numpy(np.argsort(np.concatenate(order))).to(features.device)]


def all_logits(engine: Engine, classifier: Classifier, features: torch.Tensor) -> np.ndarray:
    """Return (N, C) float32 logits of (N, H) features."""
    with scoring(classifier):
        return engine.classify(classifier, features).cpu().numpy()
