"""From rows to the weighted sum of losses, whether the encoder runs or its features are cached."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

from finesent.data.tokens import TokenizedSplit
from finesent.models.classifier import Classifier
from finesent.models.engine import Engine
from finesent.training.losses import Loss
from finesent.training.losses.base import LossInputs


@dataclass
class Objective:
    """The objective of one epoch.

    Attributes:
        engine: device and precision.
        classifier: the model.
        split: the training split.
        losses: by name.
        companions: (N, K) rows drawn for this epoch by each loss that draws any.
        cached: (N, H) features of all rows while the encoder is frozen; None while it learns.
        right: (N,) whether each row was classified right when it was last an anchor.
    """

    engine: Engine
    classifier: Classifier
    split: TokenizedSplit
    losses: dict[str, Loss]
    companions: dict[str, np.ndarray]
    cached: torch.Tensor | None
    right: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.right = torch.zeros(len(self.split), dtype=torch.bool, device=self.engine.device)

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        """Return the weighted sum of losses over the rows, a scalar."""
        drawn = {name: companions[rows] for name, companions in self.companions.items()}
        features = self._features(np.concatenate([rows, *(block.ravel() for block in drawn.values())]))
        anchors = features[: len(rows)]
        logits = self.engine.classify(self.classifier, anchors)
        labels = self.engine.place(self.split.labels[rows])
        # Kept by row and not counted: a piece that runs out of memory comes again.
        self.right[self.engine.place(rows)] = logits.detach().argmax(dim=1) == labels
        total = torch.zeros((), device=features.device)
        start = len(rows)
        for name, loss in self.losses.items():
            block = None
            if name in drawn:
                count = drawn[name].size
                block = features[start : start + count].view(*drawn[name].shape, -1)
                start += count
            total = total + loss.weight * loss(LossInputs(logits, labels, anchors, block))
        return total

    def _features(self, rows: np.ndarray) -> torch.Tensor:
        """Features of anchors and companions, from one pass that encodes no row twice."""
        if self.cached is not None:
            return self.cached[self.engine.place(rows)]
        unique, where = np.unique(rows, return_inverse=True)
        features = self.engine.encode(self.classifier, self.split, unique)
        # Not `features[where]`: with repeated rows its backward pass adds in whatever order threads come.
        return functional.embedding(self.engine.place(where), features)
