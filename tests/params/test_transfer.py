"""The blocks of params.yaml that name further data sets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.errors import FinesentError
from finesent.params.study import read_study

Spoil = Callable[..., Path]

TWEETS: dict[str, Any] = {"dataset": "tweets", "classes": [3, 2], "rows": None}


def test_further_data_are_listed_once_with_the_key_that_names_them(spoil: Spoil) -> None:
    study = read_study(spoil("transfer", {"a": TWEETS, "b": {**TWEETS, "rows": 5}}))
    assert study.others() == {"tweets": "transfer.a.dataset"}
    assert read_study(spoil("panel", "others")).others() == {"others": "panel"}
    assert read_study(spoil()).others() == {}


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("dataset", "mine", "'mine' is the study's own data set"),
        ("classes", [4], r"transfer\.a\.classes"),
        ("classes", [], r"transfer\.a\.classes"),
        ("classes", [3, 3], "a number of classes stands twice"),
        ("classes", 3, r"transfer\.a\.classes"),
        ("rows", 0, r"transfer\.a\.rows"),
        ("rows", "all", r"transfer\.a\.rows"),
        ("row", 1, r"transfer\.a\.row: unknown key"),
    ],
)
def test_bad_values_are_told_by_their_key(spoil: Spoil, key: str, value: Any, problem: str) -> None:
    with pytest.raises(FinesentError, match=problem):
        read_study(spoil("transfer", {"a": {**TWEETS, key: value}}))


@pytest.mark.parametrize("name", ["train", "dev", "test", "", "a b", "../a", "A", "a.b", "-a"])
def test_impossible_names_are_refused(spoil: Spoil, name: str) -> None:
    with pytest.raises(FinesentError, match=f"transfer.{re.escape(name)}: needs a name of a-z, 0-9 and '-'"):
        read_study(spoil("transfer", {name: TWEETS}))


def test_the_studys_own_data_are_no_second_opinion(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match="panel: 'mine' is the study's own data set"):
        read_study(spoil("panel", "mine"))


def test_no_ablation_may_be_called_after_the_data_report(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match=r"ablations\.data: needs a name"):
        read_study(spoil("ablations", {"baseline": {"input": "plain"}, "data": {"input": "plain"}}))


@pytest.mark.parametrize(
    "value",
    [{"action": "count", "similarity": 0.6}, {"action": "keep"}, {"action": "keep", "similarity": 0.2}],
)
def test_near_duplicates_need_an_action_and_a_similarity(spoil: Spoil, value: Any) -> None:
    with pytest.raises(FinesentError, match=r"clean\.near_duplicates\.(action|similarity)"):
        read_study(spoil("clean.near_duplicates", value))
