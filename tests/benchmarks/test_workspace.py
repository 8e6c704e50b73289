"""The benchmark's own projects, on local data: they lie apart, and the stages run in them."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.peers.pandas_cleaning import clean, split
from benchmarks.workspace import first_project, reviews_project, stage, write_reviews
from finesent.data.tables import SPLITS, read_rows
from finesent.errors import FinesentError

ROWS = 400


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reviews_project(ROWS, tmp_path_factory.mktemp("bench"))


def test_made_up_reviews_are_the_same_every_time_and_have_what_is_cleaned_away(tmp_path: Path) -> None:
    write_reviews(tmp_path / "a.csv", ROWS)
    write_reviews(tmp_path / "b.csv", ROWS)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert len(texts) == ROWS
    assert texts.count("<br />") == ROWS // 200
    assert len(texts) - len(set(texts)) >= ROWS // 20 - ROWS // 200
    assert any("&amp;" in text and "$" in text for text in texts)


def test_our_stage_and_pandas_keep_as_many_reviews(reviews: Path) -> None:
    stage(reviews, "clean")
    ours = {name: read_rows(reviews / "data" / "clean" / f"{name}.parquet") for name in SPLITS}
    theirs = clean(pd.read_csv(reviews / "data" / "raw" / "reviews.csv"))
    assert {text for rows in ours.values() for text in rows["text"]} == {
        # Pandas' script leaves HTML's names of characters as they are; ours reads them.
        text.replace("us amp more", "us more").replace(" amp ", " ")
        for text in theirs["text"]
    }


def test_pandas_splits_are_disjoint_and_whole() -> None:
    rows = pd.DataFrame({"text": [str(number) for number in range(105)]})
    parts = split(rows)
    assert [len(part) for part in parts.values()] == [84, 10, 11]
    assert sorted(text for part in parts.values() for text in part["text"]) == sorted(rows["text"])


def test_a_stage_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match=r"params\.yaml"):
        stage(tmp_path, "clean")


def test_data_that_cannot_be_had_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match=r"(?s)no-such-set: .*nor-this: "):
        first_project(["no-such-set", "nor-this"], tmp_path)
