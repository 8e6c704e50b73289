"""Results on disk, and a comparison that goes on with the rounds of an earlier sitting."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bench
from benchmarks.alternate import Command, Failure, Outcomes, Reading
from benchmarks.lines import LINES, Line, Setting
from benchmarks.results import Result, read_results, write_result
from finesent.errors import FinesentError

NAME = "counting"
SURROUNDINGS = {"machine": "two cores", "load before": "0.1 0.2 0.3", "commit": "abc"}
COMMANDS = [Command("ours", ("train", "{round}"), Path()), Command("theirs", ("train",), Path())]


def begun(**changed: str) -> Result:
    return Result.begun(NAME, "python", SURROUNDINGS | changed, COMMANDS)


def counting(folder: Path) -> Line:
    """A comparison of two commands that add their round to a file of theirs."""

    def commands(setting: Setting) -> list[Command]:
        code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2]); print('{\"speed\": 1}')"
        return [
            Command(name, (sys.executable, "-c", code, name, "{round}", *setting.rows(None)), folder)
            for name in ("ours", "theirs")
        ]

    return Line("Counting", "They count.", "speed", (), commands, data=lambda setting: "none")


def setting(steps: int | None = None) -> Setting:
    return Setting(("none",), Path(sys.executable), 1, steps, 0)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results, when the comparison can be asked for."""
    monkeypatch.setitem(LINES, NAME, counting(tmp_path))
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    outcomes = Outcomes(
        {"ours": [Reading({"speed": 2.0}, 1.5, 3)], "theirs": []}, {"theirs": Failure("x", "y")}
    )
    written = begun().after(1, outcomes)
    write_result(written, tmp_path)
    assert read_results(tmp_path) == {NAME: written}


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path: Path, results: Path) -> None:
    assert bench.measure(NAME, setting(), 2, results, go_on=True) == []
    assert bench.measure(NAME, setting(), 5, results, go_on=True) == []
    result = read_results(results)[NAME]
    assert [(tmp_path / name).read_text() for name in ("ours", "theirs")] == ["01234", "01234"]
    assert (result.rounds, len(result.outcomes.readings["ours"])) == (5, 5)
    assert len(result.surroundings["load before"].split(", then ")) == 2


def test_without_being_asked_to_it_begins_anew(tmp_path: Path, results: Path) -> None:
    bench.measure(NAME, setting(), 2, results)
    bench.measure(NAME, setting(), 1, results)
    assert (tmp_path / "ours").read_text() == "010"
    assert read_results(results)[NAME].rounds == 1


def test_rounds_with_other_options_do_not_count(tmp_path: Path, results: Path) -> None:
    bench.measure(NAME, setting(), 1, results)
    before = (results / f"{NAME}.json").read_bytes()
    with pytest.raises(FinesentError, match=r"(?s)of another command 'ours': .*--rows 96.*without --go-on"):
        bench.measure(NAME, setting(steps=3), 2, results, go_on=True)
    assert (results / f"{NAME}.json").read_bytes() == before
    assert (tmp_path / "ours").read_text() == "0"


def test_whom_nobody_asks_for_is_left_out(tmp_path: Path, results: Path) -> None:
    bench.measure(NAME, setting(), 2, results, without=["theirs"])
    assert (tmp_path / "ours").read_text() == "01"
    assert not (tmp_path / "theirs").exists()
    assert list(read_results(results)[NAME].outcomes.readings) == ["ours"]
    for unknown in ("ours", "their"):
        with pytest.raises(FinesentError, match=f"(?s)no '{unknown}' to leave out.*it has 'theirs'"):
            bench.measure(NAME, setting(), 1, results, without=[unknown])


@pytest.mark.parametrize("what", ["machine", "commit"])
def test_rounds_measured_elsewhere_do_not_count(what: str) -> None:
    earlier = begun(**{what: "another"}).after(1, Outcomes())
    with pytest.raises(FinesentError, match=f"the earlier rounds are of another {what}: another"):
        begun().continuing(earlier)


def test_only_the_load_may_have_changed() -> None:
    earlier = begun(**{"load before": "4.0 4.0 4.0"}).after(2, Outcomes({"ours": [], "theirs": []}))
    result = begun().continuing(earlier)
    assert result.surroundings == SURROUNDINGS | {"load before": "4.0 4.0 4.0, then 0.1 0.2 0.3"}
    assert (result.rounds, result.outcomes) == (2, earlier.outcomes)


def test_results_of_an_earlier_version_do_not_count(tmp_path: Path) -> None:
    write_result(begun().after(1, Outcomes()), tmp_path)
    path = tmp_path / f"{NAME}.json"
    content = json.loads(path.read_text())
    del content["arguments"]
    path.write_text(json.dumps(content))
    earlier = read_results(tmp_path)[NAME]
    assert earlier == replace(begun(), rounds=1, outcomes=Outcomes(), arguments={})
    with pytest.raises(FinesentError, match="of another command 'ours': unknown, and now train"):
        begun().continuing(earlier)
