"""Scores on further test sets, whose classes need not be the study's.

Both sides are read in a common scheme: labels by what their class becomes there, models by the sum of the
probabilities of the classes that become one. A class that has no place in the scheme (the neutral one, of
two) is no possible answer, and its items are left out.
"""

from __future__ import annotations

import numpy as np

from finesent.data.schemes import coarser
from finesent.errors import FinesentError
from finesent.evaluation.metrics import Scores, probabilities, score_probabilities
from finesent.evaluation.predictions import TransferScored


def as_classes(scored: TransferScored, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities in a scheme of W classes.

    Args:
        scored: a test set of K classes under models of C classes.
        classes: W, to which both K and C can be reduced.

    Returns:
        (M,) int64 labels 0..W-1 of the items that are not left out, and (S, M, W) float64 probabilities,
        each row summing to 1.

    Raises:
        FinesentError: K or C classes cannot be read as W, or no item is left.
    """
    split = scored.split
    own, studied = len(scored.labels), split.logits.shape[2]
    become = np.array([-1 if c is None else c for c in _coarser(scored, own, classes)])
    labels = become[split.labels]
    kept = labels >= 0
    if not kept.any():
        raise _impossible(scored, f"none of its items has a class that is one of {classes}")
    merge = np.array([[c == w for w in range(classes)] for c in _coarser(scored, studied, classes)])
    # A class that is no answer is left out before the softmax: afterwards the others may all be 0.
    answers = merge.any(axis=1)
    merged = probabilities(split.logits[:, kept][:, :, answers]) @ merge[answers].astype(np.float64)
    return labels[kept], merged


def transfer_scores(scored: TransferScored, classes: int) -> list[Scores]:
    """Return the metrics of each of S seeds, in a scheme of ``classes`` classes.

    Raises:
        FinesentError: see :func:`as_classes`.
    """
    labels, by_seed = as_classes(scored, classes)
    return [score_probabilities(labels, probability) for probability in by_seed]


def _coarser(scored: TransferScored, own: int, wanted: int) -> tuple[int | None, ...]:
    try:
        return coarser(own, wanted)
    except ValueError as error:
        raise _impossible(scored, str(error)) from error


def _impossible(scored: TransferScored, problem: str) -> FinesentError:
    return FinesentError(
        f"transfer set {scored.dataset}",
        f"cannot be scored: {problem}",
        "name other classes for it under `transfer` in params.yaml",
    )
