"""Reading everything that compare is computed from, each file once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from finesent.data.tables import read_arrow, read_rows
from finesent.evaluation.comparison import Inputs, read_ablations
from finesent.files import read_json
from finesent.params.study import Study

CLEAN = Path("data/clean")
SAMPLED = Path("data/sampled/train.parquet")
DATA_REPORT = Path("metrics/data.json")


def read_inputs(study: Study) -> Inputs:
    """Read predictions, histories and what clean found about the data.

    Raises:
        FinesentError: a file is missing, damaged, or of other params.
    """
    predictions, histories = read_ablations(study)
    looked_for = study.clean.near_duplicates is not None
    return Inputs(
        predictions=predictions,
        histories=histories,
        panel=read_arrow(CLEAN / "panel.parquet", "dvc repro clean"),
        duplicates=read_duplicates() if looked_for else None,
        recurring=read_arrow(CLEAN / "recurring.parquet", "dvc repro clean"),
        train_ids=set(read_rows(SAMPLED)["id"]),
    )


def read_duplicates() -> Any:
    """The pairs of rows that clean found to repeat each other, as an Arrow table."""
    return read_arrow(CLEAN / "duplicates.parquet", "dvc repro clean")


def read_texts() -> dict[str, str]:
    """The texts of the test items, by id."""
    rows: pd.DataFrame = read_rows(CLEAN / "test.parquet")
    return dict(zip(rows["id"], rows["text"], strict=True))


def read_data_report() -> dict[str, Any]:
    """What clean counted about the data."""
    content: dict[str, Any] = read_json(DATA_REPORT)
    return content
