"""The summary of one ablation: means, deviations, and what is flagged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from finesent.evaluation.metrics import score
from finesent.evaluation.predictions import Predictions, TransferScored
from finesent.evaluation.summary import headline, summarise

Make = Callable[..., Predictions]


def test_mean_and_sample_deviation_over_seeds(make: Make) -> None:
    predictions = make("after-n")
    test = predictions.splits["test"]
    summary = summarise(predictions)["splits"]["test"]
    scores = [score(test.labels, logits) for logits in test.logits]
    for name in ("accuracy", "macro_f1", "mae", "quadratic_kappa", "within_1", "ece"):
        values = [getattr(entry, name) for entry in scores]
        assert summary["mean"][name] == pytest.approx(np.mean(values), abs=1e-6)
        assert summary["sd"][name] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
        assert [entry[name] for entry in summary["per_seed"]] == pytest.approx(values, abs=1e-6)
    assert [entry["seed"] for entry in summary["per_seed"]] == [0, 1, 2]
    assert summary["n"] == 60
    assert np.sum(summary["confusion"]) == 3 * 60
    assert [entry["support"] for entry in summary["per_class"]] == np.bincount(test.labels).tolist()
    assert sum(entry["n"] for entry in summary["per_length_bin"]) == 60
    assert summary["distances"][0] == summary["mean"]["accuracy"]
    assert sum(summary["distances"]) == pytest.approx(1, abs=1e-5)


def test_one_seed_has_no_deviation(make: Make) -> None:
    summary = summarise(make(seeds=(4,)))
    assert set(summary["splits"]["dev"]["sd"].values()) == {None}
    json.dumps(summary, allow_nan=False)


def test_headline_holds_the_means(make: Make) -> None:
    summary = summarise(make("prompt"))
    values = headline(summary)["prompt"]
    assert list(values) == [
        "test_accuracy",
        "test_macro_f1",
        "test_mae",
        "test_quadratic_kappa",
        "dev_accuracy",
        "dev_macro_f1",
    ]
    assert values["test_mae"] == summary["splits"]["test"]["mean"]["mae"]
    assert all(value == round(value, 6) for value in values.values())


def test_a_collapsed_seed_is_named_and_stays_in_the_mean(make: Make) -> None:
    predictions = make(skill=6.0)
    dev = predictions.splits["dev"]
    logits = dev.logits.copy()
    logits[1] = np.eye(5)[np.bincount(dev.labels).argmax()]
    broken = replace(predictions, splits=predictions.splits | {"dev": replace(dev, logits=logits)})
    assert summarise(predictions)["collapsed_seeds"] == []
    summary = summarise(broken)
    assert summary["collapsed_seeds"] == [1]
    assert summary["splits"]["dev"]["mean"]["accuracy"] < 0.9


def test_further_test_sets_are_summed_up_at_every_number_of_classes(
    make: Make, transfer: Callable[..., TransferScored]
) -> None:
    sst = transfer("sst", 3, [3, 2])
    summary = summarise(replace(make(), transfer={"sst": sst}))["transfer"]["sst"]
    assert (summary["dataset"], summary["shared_with_train"]) == ("sst-data", 7)
    counts = np.bincount(sst.split.labels, minlength=3)
    assert summary["classes"]["3"]["n"] == 30
    assert summary["classes"]["2"]["n"] == counts[0] + counts[2]
    assert summary["classes"]["3"]["majority_share"] == pytest.approx(counts.max() / 30, abs=1e-6)
    assert set(summary["classes"]["2"]["mean"]) == set(summary["classes"]["2"]["sd"])
