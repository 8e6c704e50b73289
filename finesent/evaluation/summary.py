"""All metrics of one ablation: each seed's, their mean and their standard deviation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from finesent.evaluation.metrics import (
    Scores,
    confusion,
    distances,
    has_collapsed,
    majority_share,
    per_class,
    per_length_bin,
    score,
)
from finesent.evaluation.predictions import Predictions, ScoredSplit, TransferScored, items_hash
from finesent.evaluation.spreads import rounded, spreads
from finesent.evaluation.transfer import as_classes, transfer_scores

# What metrics/<ablation>.json shows of each split.
HEADLINE = {
    "test": ("accuracy", "macro_f1", "mae", "quadratic_kappa"),
    "dev": ("accuracy", "macro_f1"),
}


def summarise(predictions: Predictions) -> dict[str, Any]:
    """Return the content of predictions/<ablation>.json: everything but the logits.

    Shares and scores are fractions, rounded to six decimals; ``sd`` is the sample standard deviation
    over seeds (divisor S - 1), null with one seed. ``confusion`` is summed over seeds, ``per_class`` and
    ``per_length_bin`` are means over seeds, and ``distances`` the shares of answers 0, 1, … classes off.
    ``collapsed_seeds`` did not beat the majority class on dev. ``transfer`` has, by further test set and
    number of classes, what is left of it there and its scores.
    """
    dev = predictions.splits["dev"]
    return {
        "ablation": predictions.ablation,
        "dataset": predictions.dataset,
        "labels": predictions.labels,
        "seeds": predictions.seeds,
        "collapsed_seeds": [
            seed
            for seed, predicted in zip(predictions.seeds, dev.predicted, strict=True)
            if has_collapsed(dev.labels, predicted)
        ],
        "splits": {
            name: _split(split, predictions.seeds, predictions.labels)
            for name, split in predictions.splits.items()
        },
        "transfer": {name: _transfer(scored) for name, scored in predictions.transfer.items()},
    }


def headline(summary: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the content of metrics/<ablation>.json: means over seeds under the ablation's name."""
    values = {
        f"{split}_{metric}": summary["splits"][split]["mean"][metric]
        for split, metrics in HEADLINE.items()
        for metric in metrics
    }
    return {summary["ablation"]: values}


def _split(split: ScoredSplit, seeds: list[int], labels: list[str]) -> dict[str, Any]:
    scores = [score(split.labels, logits) for logits in split.logits]
    predicted = split.predicted
    bins = per_length_bin(split.words, predicted == split.labels)
    return {
        "n": len(split.ids),
        "items": items_hash(split.ids, split.labels),
        "majority_share": rounded(majority_share(split.labels)),
        **_means_and_sds(scores),
        "per_seed": [
            {"seed": seed} | {name: rounded(value) for name, value in asdict(values).items()}
            for seed, values in zip(seeds, scores, strict=True)
        ],
        "confusion": _confusion(split.labels, predicted, len(labels)),
        "per_class": _classes(split.labels, predicted, labels),
        "per_length_bin": [asdict(entry) | {"accuracy": rounded(entry.accuracy)} for entry in bins],
        "distances": [rounded(share) for share in distances(split.labels, predicted, len(labels))],
    }


def _transfer(scored: TransferScored) -> dict[str, Any]:
    by_classes = {}
    for classes in scored.classes:
        labels, _ = as_classes(scored, classes)
        scores = transfer_scores(scored, classes)
        by_classes[str(classes)] = {
            "n": len(labels),
            "majority_share": rounded(majority_share(labels)),
            **_means_and_sds(scores),
        }
    return {
        "dataset": scored.dataset,
        "items": items_hash(scored.split.ids, scored.split.labels),
        "shared_with_train": scored.shared_with_train,
        "classes": by_classes,
    }


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[list[int]]:
    by_seed = np.stack([confusion(labels, row, classes) for row in predicted])
    counts: list[list[int]] = by_seed.sum(axis=0).tolist()
    return counts


def _means_and_sds(scores: list[Scores]) -> dict[str, dict[str, float | None]]:
    found = spreads(scores)
    return {
        "mean": {name: spread.mean for name, spread in found.items()},
        "sd": {name: spread.sd for name, spread in found.items()},
    }


def _classes(labels: np.ndarray, predicted: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    by_seed = [per_class(labels, row, len(names)) for row in predicted]
    return [
        {
            "label": name,
            "precision": rounded(np.mean([scores[index].precision for scores in by_seed])),
            "recall": rounded(np.mean([scores[index].recall for scores in by_seed])),
            "f1": rounded(np.mean([scores[index].f1 for scores in by_seed])),
            "support": by_seed[0][index].support,
        }
        for index, name in enumerate(names)
    ]
