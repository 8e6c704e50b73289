"""All metrics of one ablation: each seed's, their mean and their standard deviation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from finesent.evaluation.metrics import (
    Scores,
    confusion,
    has_collapsed,
    majority_share,
    per_class,
    per_length_bin,
    score,
)
from finesent.evaluation.predictions import Predictions, ScoredSplit, items_hash

_DECIMALS = 6

# What metrics/<ablation>.json shows of each split.
HEADLINE = {
    "test": ("accuracy", "macro_f1", "mae", "quadratic_kappa"),
    "dev": ("accuracy", "macro_f1"),
}


def summarise(predictions: Predictions) -> dict[str, Any]:
    """Return the content of predictions/<ablation>.json: everything but the logits.

    Shares and scores are fractions, rounded to six decimals; ``sd`` is the sample standard deviation
    over seeds (divisor S - 1), null with one seed. ``confusion`` is summed over seeds, ``per_class`` and
    ``per_length_bin`` are means over seeds. ``collapsed_seeds`` did not beat the majority class on dev.
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
    }


def headline(summary: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the content of metrics/<ablation>.json: means over seeds under the ablation's name."""
    values = {
        f"{split}_{metric}": summary["splits"][split]["mean"][metric]
        for split, metrics in HEADLINE.items()
        for metric in metrics
    }
    return {summary["ablation"]: values}


def rounded(value: float | np.floating[Any]) -> float:
    """Round to the six decimals that are written; minus zero becomes zero."""
    return round(float(value), _DECIMALS) + 0.0


def _split(split: ScoredSplit, seeds: list[int], labels: list[str]) -> dict[str, Any]:
    scores = [score(split.labels, logits) for logits in split.logits]
    predicted = split.predicted
    bins = per_length_bin(split.words, predicted == split.labels)
    return {
        "n": len(split.ids),
        "items": items_hash(split.ids, split.labels),
        "majority_share": rounded(majority_share(split.labels)),
        "mean": _over_seeds(scores, np.mean),
        "sd": _over_seeds(scores, _sample_sd),
        "per_seed": [
            {"seed": seed} | _over_seeds([values], np.mean)
            for seed, values in zip(seeds, scores, strict=True)
        ],
        "confusion": _confusion(split.labels, predicted, len(labels)),
        "per_class": _classes(split.labels, predicted, labels),
        "per_length_bin": [asdict(entry) | {"accuracy": rounded(entry.accuracy)} for entry in bins],
    }


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[list[int]]:
    by_seed = np.stack([confusion(labels, row, classes) for row in predicted])
    counts: list[list[int]] = by_seed.sum(axis=0).tolist()
    return counts


def _over_seeds(scores: list[Scores], statistic: Any) -> dict[str, float | None]:
    columns = {name: [asdict(values)[name] for values in scores] for name in asdict(scores[0])}
    results = {name: statistic(values) for name, values in columns.items()}
    return {name: None if value is None else rounded(value) for name, value in results.items()}


def _sample_sd(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


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
