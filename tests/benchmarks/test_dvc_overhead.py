"""What imports cost is measured in a process of its own, and laid out with failures as such."""

from __future__ import annotations

from benchmarks.alternate import Failure, Outcomes, Reading, run
from benchmarks.dvc_overhead import STAGES, importing, overhead_table
from finesent.yaml_files import read_yaml
from tests.test_dvc import ROOT


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
