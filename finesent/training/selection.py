"""Which epoch is kept, by dev alone; and whether a run has collapsed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss


@dataclass(frozen=True)
class DevScores:
    """Scores on the dev split."""

    accuracy: float
    macro_f1: float
    loss: float

    def by(self, select: str) -> float:
        """The number to maximise under ``select``."""
        return {
            "accuracy": self.accuracy,
            "macro-f1": self.macro_f1,
            "accuracy+macro-f1": self.accuracy + self.macro_f1,
            "loss": -self.loss,
        }[select]


def dev_scores(labels: np.ndarray, logits: np.ndarray) -> DevScores:
    """Score (N, C) logits against (N,) labels; the loss is the mean cross-entropy in nats."""
    predicted = logits.argmax(axis=1)
    classes = np.arange(logits.shape[1])
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    return DevScores(
        accuracy=float(accuracy_score(labels, predicted)),
        macro_f1=float(f1_score(labels, predicted, labels=classes, average="macro", zero_division=0)),
        loss=float(log_loss(labels, probabilities, labels=classes)),
    )


def is_collapsed(accuracy: float, labels: np.ndarray) -> bool:
    """Whether an accuracy is within 2 points of what always naming the largest class gives."""
    return accuracy <= float(np.bincount(labels).max()) / len(labels) + 0.02
