"""What people said of the rows of dev and test."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from finesent.data.panel import SecondOpinion, second_labels, write_panel


def frame(rows: list[tuple[str, int]], prefix: str = "row") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{prefix}-{number}" for number in range(len(rows))],
            "text": [text for text, _ in rows],
            "label": [label for _, label in rows],
        }
    )


OTHERS = frame([("it 's fine .", 2), ("Split", 0), ("split!", 1), ("Twice", 1), ("twice", 1)])


def test_sentences_are_matched_however_they_are_written() -> None:
    texts = pd.Series(["It's fine.", "split", "TWICE", "unheard of"])
    assert second_labels(texts, OTHERS) == [2, None, 1, None]


def splits() -> dict[str, pd.DataFrame]:
    return {
        "train": frame([("twice", 0)], "train"),
        "dev": frame([("It's fine.", 2), ("new", 0)], "dev"),
        "test": frame([("TWICE", 0)], "test"),
    }


def test_dev_and_test_with_ratings_and_a_second_opinion(tmp_path: Path) -> None:
    rated = {
        name: rows.assign(ratings=pd.Series([[number, -4] for number in range(len(rows))], dtype=object))
        for name, rows in splits().items()
    }
    path = tmp_path / "panel.parquet"
    assert write_panel(path, rated, OTHERS, SecondOpinion("others", "The others")) == 2
    table = pq.read_table(path)
    assert table.to_pylist() == [
        {"id": "dev-0", "split": "dev", "ratings": [0, -4], "second_label": 2},
        {"id": "dev-1", "split": "dev", "ratings": [1, -4], "second_label": None},
        {"id": "test-0", "split": "test", "ratings": [0, -4], "second_label": 1},
    ]
    assert table.schema.field("ratings").type == pa.list_(pa.int64())
    assert json.loads(table.schema.metadata[b"finesent"]) == {"dataset": "others", "title": "The others"}


def test_without_raters_and_without_a_second_opinion(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    assert write_panel(path, splits(), None, None) == 0
    table = pq.read_table(path)
    assert table["ratings"].to_pylist() == [[], [], []]
    assert table["second_label"].to_pylist() == [None, None, None]
    assert table.schema.field("second_label").type == pa.int64()
    assert json.loads(table.schema.metadata[b"finesent"]) is None
