"""Commands in turn: who runs when, what becomes a figure and what does not, and the ratios."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.alternate import (
    Command,
    Failure,
    Outcomes,
    Range,
    Reading,
    alternate,
    order,
    ratios,
    require_same_work,
    run,
    summary,
)
from finesent.errors import FinesentError

ROOT = Path(__file__).parents[2]
SPEEDS = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=9)


def child(folder: Path, name: str, code: str, speaks: bool = True) -> Command:
    return Command(name, (sys.executable, "-c", code, "{round}"), folder, {"SAID": name}, speaks)


def logged(folder: Path, name: str) -> Command:
    """A command that adds its name and round to a file, and prints the round."""
    code = "import os, sys; open('log', 'a').write(os.environ['SAID'] + sys.argv[1] + ' ');"
    return child(folder, name, code + "print('words'); print('{\"round\": ' + sys.argv[1] + '}')")


@given(st.integers(1, 6), st.integers(1, 20))
def test_every_round_has_everyone_and_all_begin_equally_often(count: int, rounds: int) -> None:
    names = [str(number) for number in range(count)]
    turns = order(names, rounds)
    assert len(turns) == rounds
    assert all(sorted(turn) == names for turn in turns)
    first = [sum(turn[0] == name for turn in turns) for name in names]
    assert max(first) - min(first) <= 1


def test_two_commands_change_places_every_round() -> None:
    assert order(["a", "b"], 3) == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_commands_run_in_that_order_and_their_last_line_is_read(tmp_path: Path) -> None:
    said: list[str] = []
    kept: list[tuple[int, int, int]] = []

    def keep(ended: int, so_far: Outcomes) -> None:
        kept.append((ended, len(so_far.readings["a"]), len(so_far.readings["b"])))

    outcomes = alternate([logged(tmp_path, "a"), logged(tmp_path, "b")], 3, said.append, keep)
    assert kept == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]
    assert (tmp_path / "log").read_text().split() == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert outcomes.figures("a", "round") == outcomes.figures("b", "round") == [0, 1, 2]
    assert said[2] == "round 2 of 3: b"


def test_rounds_of_an_earlier_sitting_are_not_run_again(tmp_path: Path) -> None:
    commands = [logged(tmp_path, "a"), logged(tmp_path, "b")]
    kept: list[int] = []
    before = alternate(commands, 1)
    outcomes = alternate(commands, 3, keep=lambda ended, so_far: kept.append(ended), ended=1, earlier=before)
    assert (tmp_path / "log").read_text().split() == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert outcomes.figures("a", "round") == outcomes.figures("b", "round") == [0, 1, 2]
    assert kept == [2, 3]
    assert alternate(commands, 3, ended=3, earlier=outcomes) is outcomes


def test_time_and_memory_are_the_processs_own(tmp_path: Path) -> None:
    code = "import time; block = b'x' * (200 << 20); time.sleep(0.2); print('{}')"
    reading = run(child(tmp_path, "a", code))
    assert isinstance(reading, Reading)
    assert reading.seconds > 0.2
    assert reading.peak_memory > 200 << 20
    # Nothing of the process before, nor of this one, which has imported PyTorch's hundreds of megabytes.
    after = run(child(tmp_path, "a", "print('{}')"))
    assert isinstance(after, Reading) and after.peak_memory < 50 << 20


def test_what_a_process_prints_stands_before_what_is_taken_of_it(tmp_path: Path) -> None:
    outcomes = Outcomes({"a": [Reading({"peak_memory": 7, "speed": 2}, 1.5, 3)]})
    assert outcomes.figures("a", "peak_memory") == [7]
    assert outcomes.figures("a", "seconds") == [1.5]
    assert outcomes.figures("a", "no such figure") == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import sys; print('{\"speed\": 1}'); print('broken', file=sys.stderr); sys.exit(3)",
            "exit status 3",
        ),
        ("import os; os.kill(os.getpid(), 9)", "exit status -9"),
        ("print('no JSON')", "no JSON object"),
        ("", "no JSON object"),
        ("print('[1]')", "no JSON object"),
        ("print('{\"speed\": NaN}')", "no JSON object"),
        ("print('{\"speed\": true}')", "no JSON object"),
        ('print(\'{"speed": "fast"}\')', "no JSON object"),
    ],
)
def test_a_child_that_fails_is_no_figure(tmp_path: Path, code: str, reason: str) -> None:
    result = run(child(tmp_path, "a", code))
    assert isinstance(result, Failure)
    assert reason in result.reason


def test_a_failure_keeps_what_was_said(tmp_path: Path) -> None:
    code = "import sys; print('earlier', file=sys.stderr); sys.exit('out of memory')"
    result = run(child(tmp_path, "a", code))
    assert result == Failure("exit status 1", "earlier\nout of memory")


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    result = run(Command("a", ("no-such-program",), tmp_path))
    assert result == Failure("it could not be started", "no-such-program: No such file or directory")


def test_a_failed_command_is_not_run_again_and_loses_its_readings(tmp_path: Path) -> None:
    late = "import sys; sys.exit(sys.argv[1] == '1') if sys.argv[1] != '0' else print('{\"round\": 0}')"
    said: list[str] = []
    outcomes = alternate([child(tmp_path, "late", late), logged(tmp_path, "a")], 4, said.append)
    assert outcomes.readings["late"] == []
    assert outcomes.failures["late"].reason == "exit status 1"
    assert outcomes.figures("a", "round") == [0, 1, 2, 3]
    assert sum("late" in line and "round" in line for line in said) == 2


def test_nothing_is_left_running_when_a_series_is_stopped(tmp_path: Path) -> None:
    code = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    series = (
        "import sys; from benchmarks.alternate import *; run(Command('a', tuple(sys.argv[1:]), Path('.')))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", series, sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait()
    child_id = int((tmp_path / "pid").read_text())
    # Killed with its parent, it may be a zombie for a little while.
    state, patience = Path(f"/proc/{child_id}/stat"), time.monotonic() + 20
    while state.exists() and state.read_text().split()[2] not in "ZX":
        assert time.monotonic() < patience, "still running"
        time.sleep(0.01)


def test_a_command_without_figures_has_its_time(tmp_path: Path) -> None:
    reading = run(child(tmp_path, "a", "print('words')", speaks=False))
    assert isinstance(reading, Reading) and reading.figures == {}


def test_ratios_are_taken_round_by_round() -> None:
    # The machine was half as fast in the second round, for both: the ratio is 2 in each.
    assert ratios([10, 5, 10], [5, 2.5, 5]) == Range(2, 2, 2)
    assert ratios([2, 9, 4], [1, 3, 4]) == Range(2, 1, 3)
    with pytest.raises(ValueError):
        ratios([1, 2], [1])


@given(SPEEDS)
def test_a_ratio_with_oneself_is_one(speeds: list[float]) -> None:
    assert ratios(speeds, speeds) == Range(1, 1, 1)


@given(SPEEDS)
def test_the_summary_is_the_middle_and_the_ends(values: list[float]) -> None:
    found = summary(values)
    below = sum(value <= found.median for value in values)
    above = sum(value >= found.median for value in values)
    assert min(below, above) >= len(values) / 2
    assert (found.low, found.high) == (min(values), max(values))


def test_different_work_is_refused() -> None:
    def outcomes(*tokens: int) -> Outcomes:
        return Outcomes({str(place): [Reading({"tokens": n}, 1, 1)] for place, n in enumerate(tokens)})

    require_same_work(outcomes(5, 5), ["tokens"])
    with pytest.raises(FinesentError, match="the commands differ in tokens"):
        require_same_work(outcomes(5, 6), ["tokens"])


def test_a_failed_command_has_no_work_to_compare() -> None:
    require_same_work(Outcomes({"a": [Reading({"tokens": 5}, 1, 1)], "b": []}), ["tokens"])
