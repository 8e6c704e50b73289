"""Training seconds out of a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from finesent.errors import FinesentError
from finesent.evaluation.history import training_seconds


def test_sums_over_epochs_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("seed,epoch,seconds,selected\n1,1,2.5,0\n1,2,2.5,1\n0,1,4,1\n")
    assert training_seconds(path, "after-n") == {0: 4.0, 1: 5.0}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epoch,step\n1,2\n", "not a training history"),
        ("seed,seconds\n0,soon\n", "not a training history"),
        ("", "not a training history"),
        ("seed,seconds\n0,\n", "an epoch has no time"),
    ],
)
def test_broken_histories_name_the_command(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(FinesentError, match=problem) as error:
        training_seconds(path, "prompt")
    assert "dvc repro evaluate@prompt" in error.value.remedy


def test_a_missing_history_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="missing") as error:
        training_seconds(tmp_path / "history.csv", "prompt")
    assert "dvc repro evaluate@prompt" in error.value.remedy
