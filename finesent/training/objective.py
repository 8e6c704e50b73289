"""From rows to the weighted sum of losses, whether the encoder runs or its features are cached."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from finesent.data.batches import parts_by_length
from finesent.data.tokens import TokenizedSplit
from finesent.models.classifier import Classifier
from finesent.models.engine import Engine
from finesent.models.prefix import PrefixStates
from finesent.training.adversarial import ascent, moved, recorded
from finesent.training.losses import Loss
from finesent.training.losses.base import LossInputs, Need, View
from finesent.training.weighting import weighted


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
        modules: of those losses that have one, by the loss's name.
        prefix: states of the split below what learns, for passes to begin with; None to begin with tokens.
        terms: each loss's sum over the calls so far, without its weight.
        right: (N,) whether each row was classified right when it was last an anchor.
    """

    engine: Engine
    classifier: Classifier
    split: TokenizedSplit
    losses: dict[str, Loss]
    companions: dict[str, np.ndarray]
    cached: torch.Tensor | None
    modules: dict[str, nn.Module] = field(default_factory=dict)
    prefix: PrefixStates | None = None
    terms: dict[str, torch.Tensor] = field(default_factory=dict)
    right: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.right = torch.zeros(len(self.split), dtype=torch.bool, device=self.engine.device)

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        """Return the weighted sum of losses over the rows, a scalar.

        Its gradient is that of the rows' terms times the rows' weights; its value is as if all weighed 1.
        """
        drawn = {name: companions[rows] for name, companions in self.companions.items()}
        needs = {need for loss in self.losses.values() for need in loss.needs}
        everything = np.concatenate([rows, *(block.ravel() for block in drawn.values())])
        with ExitStack() as stack:
            watched = Need.PERTURBED in needs
            embedded = stack.enter_context(recorded(self._embeddings)) if watched else []
            # Perturbed embeddings are those of one pass.
            features = self._features(everything, whole=watched)
        anchors = features[: len(rows)]
        logits = self.engine.classify(self.classifier, anchors)
        labels = self.engine.place(self.split.labels[rows])
        # Kept by row and not counted: a piece that runs out of memory comes again.
        self.right[self.engine.place(rows)] = logits.detach().argmax(dim=1) == labels
        weights = self._weights(rows)
        shared = LossInputs(
            logits=weighted(logits, weights),
            labels=labels,
            features=weighted(anchors, weights),
            soft_labels=self._soft_labels(rows),
            second=self._second_view(rows) if Need.SECOND_VIEW in needs else None,
            perturbed=partial(self._perturbed, everything, rows, embedded[0]) if embedded else None,
        )
        total = torch.zeros((), device=features.device)
        start = len(rows)
        for name, loss in self.losses.items():
            block = None
            if name in drawn:
                count = drawn[name].size
                block = weighted(features[start : start + count].view(*drawn[name].shape, -1), weights)
                start += count
            value = loss(replace(shared, companions=block, module=self.modules.get(name)))
            self.terms[name] = self.terms.get(name, torch.zeros_like(total)) + value.detach()
            total = total + loss.weight * value
        return total

    def broken(self) -> list[str]:
        """The losses that have been infinite, or no number, since the objective was made."""
        return [name for name, value in self.terms.items() if not torch.isfinite(value)]

    @property
    def _embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.classifier.encoder.get_input_embeddings()
        return embeddings

    def _features(self, rows: np.ndarray, whole: bool = False) -> torch.Tensor:
        """Features of anchors and companions; no row is encoded twice, and rows of like lengths together."""
        if self.cached is not None:
            return self.cached[self.engine.place(rows)]
        unique, where = np.unique(rows, return_inverse=True)
        encoder = self.classifier.encoder
        of_a_pass = math.inf if whole else self.engine.pass_tokens(encoder)
        parts = parts_by_length(self.split.lengths[unique], of_a_pass)
        # Turned once for all passes.
        weights = self.engine.weights(encoder)
        features = torch.cat(
            [
                self.engine.encode(self.classifier, self.split, unique[part], weights, self.prefix)
                for part in parts
            ]
        )
        where = np.argsort(np.concatenate(parts))[where]
        # Not `features[where]`: with repeated rows its backward pass adds in whatever order threads come.
        return functional.embedding(self.engine.place(where), features)

    def _soft_labels(self, rows: np.ndarray) -> torch.Tensor | None:
        return None if self.split.soft_labels is None else self.engine.place(self.split.soft_labels[rows])

    def _second_view(self, rows: np.ndarray) -> View:
        features, weights = self._features(rows), self._weights(rows)
        logits = self.engine.classify(self.classifier, features)
        return View(weighted(logits, weights), weighted(features, weights))

    def _weights(self, rows: np.ndarray) -> torch.Tensor | None:
        return None if self.split.weights is None else self.engine.place(self.split.weights[rows])

    def _perturbed(
        self,
        everything: np.ndarray,
        anchors: np.ndarray,
        embedded: torch.Tensor,
        value: torch.Tensor,
        length: float,
    ) -> torch.Tensor:
        """Logits of the anchors, their embeddings moved by ``length`` along the gradient of ``value``."""
        with moved(self._embeddings, ascent(value, embedded, length)):
            # The same rows as before, companions included, so that the step fits their padded embeddings.
            features = self._features(everything, whole=True)
        logits = self.engine.classify(self.classifier, features[: len(anchors)])
        return weighted(logits, self._weights(anchors))
