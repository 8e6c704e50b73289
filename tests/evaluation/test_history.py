"""What training cost, out of a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from finesent.errors import FinesentError
from finesent.evaluation.history import cost, read_history

HEADER = "seed,epoch,seconds,sentences_per_second"


def test_sums_over_epochs_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(f"{HEADER}\n1,1,2.5,10\n1,2,2.5,20\n0,1,4,60\n")
    found = cost(read_history(path, "after-n", [0, 1]))
    assert (found.seconds_per_seed, found.seconds, found.sentences_per_second) == (4.5, 9.0, 30.0)
    assert (found.parameters, found.trained_parameters, found.peak_memory) == (None, None, None)


def test_takes_the_largest_of_what_train_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        f"{HEADER},parameters,trainable_parameters,peak_memory\n0,1,1,1,100,10,5000\n0,2,1,1,100,90,6000\n"
    )
    found = cost(read_history(path, "after-n", [0]))
    assert (found.parameters, found.trained_parameters, found.peak_memory) == (100, 90, 6000)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epoch,step\n1,2\n", "no numbers in the columns"),
        (f"{HEADER}\n0,1,soon,1\n", r"no numbers in the columns \['seconds'\]"),
        ("", "not a training history"),
        (f"{HEADER}\n0,1,,1\n", "an epoch without numbers"),
        (f"{HEADER}\n1,1,1,1\n", r"has the seeds \[1\], and params.yaml says \[0\]"),
    ],
)
def test_broken_histories_name_the_command(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(FinesentError, match=problem) as error:
        read_history(path, "prompt", [0])
    assert "dvc repro evaluate@prompt" in error.value.remedy


def test_a_missing_history_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="missing") as error:
        read_history(tmp_path / "history.csv", "prompt", [0])
    assert "dvc repro evaluate@prompt" in error.value.remedy
