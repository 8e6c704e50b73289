"""Scoring an ablation's frozen models: the one place where logits of test items are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from finesent.data.encoding import require_same
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.data.transfer import TransferInfo, read_transfer_index, transfer_file
from finesent.evaluation.predictions import Predictions, ScoredSplit, TransferScored
from finesent.models.classifier import Classifier
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.saving import Description, load_classifier, load_dev_logits


def score_models(
    ablation: str,
    dataset: str,
    labels: list[str],
    seeds: list[int],
    models: Path,
    tokens: Path,
    engine: Engine,
    batch_tokens: int | None,
) -> Predictions:
    """Score every seed's model on test and on the further test sets, and take its dev logits from training.

    Args:
        ablation: name of the ablation.
        dataset: name of the data set.
        labels: C class names.
        seeds: whose models are scored.
        models: folder with one model a seed.
        tokens: folder of the tokenized splits of the ablation's input.
        engine: device and precision.
        batch_tokens: tokens in one forward pass; None for as many as suit the device.

    Raises:
        FinesentError: a model or a test set is missing, or they are of different encodings.
    """
    index = read_transfer_index(tokens / "transfer")
    dev = read_tokens(tokens / "dev.parquet")
    # What the index does not name is left over from other params.
    files = [tokens / "test.parquet", *(transfer_file(tokens / "transfer", name) for name in index)]
    splits = {file: read_tokens(file) for file in files}
    encoders = _Encoders(engine, splits, batch_tokens)
    dev_logits: list[np.ndarray] = []
    logits: dict[Path, list[np.ndarray]] = {file: [] for file in files}
    for seed in seeds:
        folder = models / str(seed)
        classifier, description = load_classifier(folder)
        for file, split in splits.items():
            require_same(description.encoding, split.encoding, folder, file)
        classifier.to(engine.device)
        for file, features in encoders.features(classifier, description, folder).items():
            logits[file].append(all_logits(engine, classifier, features))
        dev_logits.append(load_dev_logits(folder, len(dev)))
    test, *further = [_scored(splits[file], logits[file]) for file in files]
    return Predictions(
        ablation,
        dataset,
        labels,
        seeds,
        splits={"dev": _scored(dev, dev_logits), "test": test},
        transfer={
            name: _transfer(info, split) for (name, info), split in zip(index.items(), further, strict=True)
        },
    )


class _Encoders:
    """Features of all splits; an encoder that seeds share computes them once."""

    def __init__(self, engine: Engine, splits: dict[Path, TokenizedSplit], batch_tokens: int | None) -> None:
        self._engine = engine
        self._splits = splits
        self._batch_tokens = batch_tokens
        self._shared: dict[tuple[Path, str], dict[Path, torch.Tensor]] = {}

    def features(
        self, classifier: Classifier, description: Description, folder: Path
    ) -> dict[Path, torch.Tensor]:
        """Return the (N, H) features of each split, by its file."""
        encoder = (folder / description.encoder).resolve()
        key = (encoder, description.pooling)
        if key in self._shared:
            return self._shared[key]
        features = {
            file: all_features(self._engine, classifier, split, self._batch_tokens)
            for file, split in self._splits.items()
        }
        # A seed's own encoder, which lies in its folder, serves no other: its features are not kept. Nor are
        # those of a reader that learned, which every seed has of its own.
        if folder.resolve() not in encoder.parents and not classifier.reader.learns:
            self._shared[key] = features
        return features


def _scored(split: TokenizedSplit, logits: list[np.ndarray]) -> ScoredSplit:
    return ScoredSplit(split.ids, split.labels, split.words, np.stack(logits))


def _transfer(info: TransferInfo, split: ScoredSplit) -> TransferScored:
    return TransferScored(info.dataset, info.title, info.labels, info.classes, info.shared_with_train, split)
