"""Scoring an ablation's frozen models: the one place where logits of the test split are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finesent.data.encoding import require_same
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.evaluation.predictions import Predictions, ScoredSplit
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.saving import load_classifier, load_dev_logits


def score_models(
    ablation: str,
    dataset: str,
    labels: list[str],
    seeds: list[int],
    models: Path,
    tokens: Path,
    engine: Engine,
    batch_tokens: int,
) -> Predictions:
    """Score every seed's model on test, and take its dev logits from training.

    Args:
        ablation: name of the ablation.
        dataset: name of the data set.
        labels: C class names.
        seeds: whose models are scored.
        models: folder with one model a seed.
        tokens: folder of the tokenized splits of the ablation's input.
        engine: device and precision.
        batch_tokens: tokens in one forward pass.

    Raises:
        FinesentError: a model is missing or was trained on tokens of another encoding.
    """
    dev, test = read_tokens(tokens / "dev.parquet"), read_tokens(tokens / "test.parquet")
    dev_logits, test_logits = [], []
    for seed in seeds:
        folder = models / str(seed)
        classifier, description = load_classifier(folder)
        require_same(description.encoding, test.encoding, folder, tokens / "test.parquet")
        classifier.to(engine.device)
        features = all_features(engine, classifier, test, batch_tokens)
        test_logits.append(all_logits(engine, classifier, features))
        dev_logits.append(load_dev_logits(folder, len(dev)))
    splits = {"dev": _scored(dev, dev_logits), "test": _scored(test, test_logits)}
    return Predictions(ablation, dataset, labels, seeds, splits)


def _scored(split: TokenizedSplit, logits: list[np.ndarray]) -> ScoredSplit:
    return ScoredSplit(split.ids, split.labels, split.words, np.stack(logits))
