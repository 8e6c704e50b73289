"""What imports cost is measured in a process of its own, and laid out with failures as such."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.alternate import Failure, Outcomes, Reading, run
from benchmarks.dvc_overhead import STAGES, idle, importing, overhead_table, require_finished
from benchmarks.workspace import ROOT
from finesent.errors import FinesentError
from finesent.yaml_files import read_yaml


def test_every_stage_is_measured() -> None:
    assert list(STAGES) == list(read_yaml(ROOT / "dvc.yaml")["stages"])


def test_an_import_says_its_time_and_whether_it_loaded_pytorch() -> None:
    reading = run(importing("sample"))
    assert isinstance(reading, Reading)
    assert 0 < reading.figures["import_seconds"] < reading.seconds
    assert reading.figures["torch"] == 0


def test_an_import_that_fails_is_no_figure() -> None:
    result = run(importing("no_such_stage"))
    assert isinstance(result, Failure) and "No module named" in result.log


def test_a_project_with_something_to_do_is_refused(tmp_path: Path) -> None:
    def dvc(*arguments: str) -> None:
        command = [sys.executable, "-m", "dvc", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    dvc("init", "--no-scm")
    pipeline = tmp_path / "dvc.yaml"
    pipeline.write_text("stages: {greet: {cmd: echo hello > out, outs: [out]}}", encoding="utf-8")
    with pytest.raises(FinesentError, match="something to do: greet"):
        require_finished(tmp_path)
    dvc("repro")
    require_finished(tmp_path)
    assert isinstance(run(idle(tmp_path, "status")), Reading)
    pipeline.write_text("stages: {greet: {}}", encoding="utf-8")
    with pytest.raises(FinesentError, match="`dvc repro --dry` failed"):
        require_finished(tmp_path)


def test_the_table_tells_what_it_does_not_know() -> None:
    imported = Reading({"import_seconds": 1.25, "torch": 1}, 2.0, 1)
    outcomes = Outcomes(
        {"dvc status": [Reading({}, 0.5, 1)], "import a": [imported], "import b": []},
        {"import b": Failure("exit status 1", "")},
    )
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in overhead_table(outcomes).split("\n")
    ]
    assert lines[2:] == [
        ["dvc status", "0.50", "–", "–"],
        ["import a", "2.00", "1.25", "yes"],
        ["import b: failed", "–", "–", "–"],
    ]
