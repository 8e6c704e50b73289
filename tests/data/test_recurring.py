"""The longest phrase that a row shares with train, against a search of every run of words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.recurring import longest_recurring, write_recurring

some_words = st.lists(st.sampled_from(["a", "film", "of", "so", "bad"]), min_size=1, max_size=7).map(" ".join)


@given(some_words, st.sets(some_words, max_size=8))
def test_no_longer_run_is_a_phrase(text: str, phrases: set[str]) -> None:
    inside = [phrase for phrase in phrases if f" {phrase} " in f" {text} "]
    found = longest_recurring(text, phrases)
    assert len(found.split()) == max((len(phrase.split()) for phrase in inside), default=0)
    assert found in inside or not inside


def test_runs_are_of_whole_words_in_any_case() -> None:
    assert longest_recurring("The  FILM was", {"film was", "the fil"}) == "film was"
    assert longest_recurring("filmed", {"film"}) == ""


def frame(prefix: str, *texts: str) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"{prefix}-{n}" for n in range(len(texts))], "text": texts})


def test_rows_of_dev_and_test_are_told(tmp_path: Path) -> None:
    splits = {
        name: frame(name, *texts) for name, texts in {"dev": ["So bad a film"], "test": ["x", "bad"]}.items()
    }
    for name, phrases in {"some": ["so bad", "a film", "bad"], "none": []}.items():
        write_recurring(tmp_path / name, splits, pd.DataFrame({"text": phrases}))
    assert pq.read_table(tmp_path / "some").to_pylist() == [
        {"id": "dev-0", "split": "dev", "phrase": "so bad", "words": 2},
        {"id": "test-0", "split": "test", "phrase": "", "words": 0},
        {"id": "test-1", "split": "test", "phrase": "bad", "words": 1},
    ]
    assert pq.read_table(tmp_path / "none")["words"].to_pylist() == [0, 0, 0]
