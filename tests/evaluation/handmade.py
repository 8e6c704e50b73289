"""A comparison made by hand, for the tests of what is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finesent.catalog.published import read_published
from finesent.evaluation.results import (
    METRICS,
    AblationResult,
    CeilingRow,
    Comparison,
    Cost,
    Gain,
    Pair,
    TransferSet,
    Verdict,
)
from finesent.evaluation.spreads import Spread

CATALOG = Path(__file__).parents[2] / "catalog" / "published.yaml"


def gain(value: float = 0.0821, **changes: Any) -> Gain:
    content: dict[str, Any] = {
        "value": value,
        "low": value - 0.02,
        "high": value + 0.02,
        "standard_error": 0.01,
        "degrees_of_freedom": 40.0,
        "p": 0.0004,
        "p_holm": 0.012,
        "p_sign_flip": 0.25,
        "minimum_detectable": 0.028,
        "seeds_sd": 0.004,
        "percentiles": (value - 0.018, value + 0.018),
    }
    return Gain(**(content | changes))


def result(accuracy: float, sd: float | None = 0.01, **changes: Any) -> AblationResult:
    names = (*METRICS, "within_1", "ece")
    content: dict[str, Any] = {
        "dev": {name: Spread(mean=accuracy, sd=sd) for name in names},
        "test": {name: Spread(mean=accuracy, sd=sd) for name in names},
        "collapsed_seeds": [],
        "without_near_duplicates": None,
        "without_recurring": None,
        "gains": None,
        "cost": Cost(
            seconds_per_seed=12.34,
            seconds=37.02,
            sentences_per_second=101.4,
            parameters=22_700_000,
            trained_parameters=150_000,
            peak_memory=3 * 2**30,
        ),
    }
    return AblationResult(**(content | changes))


def verdict(**changes: Any) -> Verdict:
    content: dict[str, Any] = {
        "better": "after-n",
        "than": "baseline",
        "metric": "accuracy",
        "smallest_effect": 0.01,
        "published_gain": 0.0819,
        "source": "a paper",
        "verdict": "supported",
        "sentence": "Supported: after-n over baseline gains +8.21 points in accuracy [+6.21, +10.21].",
        "gain": gain(),
        "seeds_to_resolve": None,
    }
    return Verdict(**(content | changes))


def transfer_set(names: tuple[str, ...] = ("baseline", "after-n")) -> TransferSet:
    scores = {name: {3: {metric: Spread(mean=0.5, sd=0.02) for metric in METRICS}} for name in names}
    return TransferSet(
        dataset="vader-tweets",
        title="Tweets",
        shared_with_train=4,
        n={3: 300},
        majority={3: 0.41},
        scores=scores,
    )


def comparison(**changes: Any) -> Comparison:
    gains = {metric: gain() for metric in METRICS}
    content: dict[str, Any] = {
        "dataset": "vader-movies",
        "title": "VADER movie-review sentences",
        "labels": ["bad", "fair", "good"],
        "backbone": "minilm-l6",
        "train_size": 600,
        "seeds": [0, 1, 2],
        "dev_n": 1000,
        "test_n": 1100,
        "baseline": "baseline",
        "confidence": 0.95,
        "resamples": 10000,
        "resampled": "seeds and items",
        "ablations": {"baseline": result(0.485), "after-n": result(0.5671, gains=gains)},
        "pairs": [Pair(better="after-n", than="baseline", gains=gains)],
        "claims": [verdict()],
        "ceiling": [
            CeilingRow(
                name="one held-out rater",
                n=1100,
                scores=dict.fromkeys((*METRICS, "within_1"), (0.55, 0.53, 0.57)),
                note="Each rating against the mean of the others.",
            )
        ],
        "transfer": {"tweets": transfer_set()},
        "near_duplicates_in_test": 0,
        "recurring": None,
        "published": read_published(CATALOG),
    }
    return Comparison(**(content | changes))
