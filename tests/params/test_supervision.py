"""The keys of phrases, phases and raters, alone and across blocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.errors import FinesentError
from finesent.params.study import read_study

Spoil = Callable[..., Path]

PHRASES: dict[str, Any] = {"min_words": 3, "neutral_share": 0.5, "weight": 1.0}
BOTH, SENTENCES = {"rows": "phrases+sentences", "epochs": 1}, {"rows": "sentences", "epochs": 4}


def refused(path: Path, problem: str) -> None:
    with pytest.raises(FinesentError, match=problem):
        read_study(path)


def test_without_these_keys_every_epoch_takes_every_sentence(spoil: Spoil) -> None:
    study = read_study(spoil())
    assert (study.raters, study.sample.phrases) == (None, None)
    assert [phase.rows for phase in study.ablations["baseline"].by_epoch()] == ["sentences"] * 5
    assert study.ablations["baseline"].settled == 1


def test_phases_say_what_each_epoch_takes(spoil: Spoil) -> None:
    path = spoil("ablations.baseline.phases", [BOTH, SENTENCES])
    content = json.loads(path.read_text())
    content["sample"]["phrases"] = PHRASES
    path.write_text(json.dumps(content))
    study = read_study(path)
    baseline = study.ablations["baseline"]
    assert [phase.rows for phase in baseline.by_epoch()] == ["phrases+sentences", *["sentences"] * 4]
    assert baseline.settled == 2


@pytest.mark.parametrize("rows", ["phrases", "phrases+sentences"])
def test_phases_with_phrases_need_phrases(spoil: Spoil, rows: str) -> None:
    path = spoil("ablations.baseline.phases", [{"rows": rows, "epochs": 5}])
    refused(path, r"ablations\.baseline\.phases: there are no phrases, as sample\.phrases is empty")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([SENTENCES], "add up to 4 epochs, and epochs is 5"),
        ([SENTENCES, SENTENCES], "add up to 8 epochs, and epochs is 5"),
        ([], r"ablations\.baseline\.phases"),
        ([{"rows": "all", "epochs": 5}], r"phases\.0\.rows"),
        ([{"rows": "sentences", "epochs": 0}], r"phases\.0\.epochs"),
        ([{**SENTENCES, "weight": 2}], r"phases\.0\.weight: unknown key"),
    ],
)
def test_impossible_phases_are_refused(spoil: Spoil, value: Any, problem: str) -> None:
    refused(spoil("ablations.baseline.phases", value), problem)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_words", 0),
        ("min_words", 2.5),
        ("neutral_share", -0.1),
        ("neutral_share", 1.1),
        ("weight", 0.0),
        ("length", 3),
    ],
)
def test_impossible_phrases_are_refused(spoil: Spoil, key: str, value: Any) -> None:
    refused(spoil("sample.phrases", {**PHRASES, key: value}), rf"sample\.phrases\.{key}")


@pytest.mark.parametrize(
    ("key", "value"),
    [("weight", 0.0), ("weight", 1.5), ("spread", "uniform"), ("judges", 0), ("dataset", "others")],
)
def test_impossible_soft_labels_are_refused(spoil: Spoil, key: str, value: Any) -> None:
    labels = {"weight": 0.5, "spread": "normal", "judges": 3, key: value}
    refused(spoil("clean.soft_labels", labels), rf"clean\.soft_labels\.{key}")


def test_raters_are_among_the_further_data_and_never_the_studys_own(spoil: Spoil) -> None:
    assert read_study(spoil("raters", "others")).others() == {"others": "raters"}
    refused(spoil("raters", "mine"), "raters: 'mine' is the study's own data set")
