"""Commands run in turn, each in a process of its own, and what they measured.

A child prints its figures as one JSON object, on the last line of its standard output. Neither a child that
fails nor one whose line is missing or holds anything but finite numbers ever becomes a figure.
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finesent.errors import FinesentError

_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Command:
    """A command to be measured.

    Attributes:
        name: in the tables.
        arguments: program and arguments; ``{round}`` in one of them stands for the number of the round.
        folder: that it runs in.
        environment: variables beside, and before, those of this process.
        speaks: whether it prints figures; of one that does not, only time and memory are taken.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    speaks: bool = True


@dataclass(frozen=True)
class Reading:
    """One run of a command.

    Attributes:
        figures: what the child printed.
        seconds: wall time of the whole process, from its start to its end.
        peak_memory: most resident memory of the process in bytes, as getrusage(2) counts it.
    """

    figures: dict[str, float]
    seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Failure:
    """Why a command has no figures: how it ended, and the last lines that it wrote."""

    reason: str
    log: str


@dataclass
class Outcomes:
    """What came of a series of rounds, by the commands' names.

    Attributes:
        readings: one a round, unless the command failed.
        failures: of the commands that failed; they were not run again.
    """

    readings: dict[str, list[Reading]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    def figures(self, name: str, key: str) -> list[float]:
        """Return one figure of a command, round by round; empty if it printed none of that name.

        ``seconds`` and ``peak_memory`` are the process's, unless it printed its own.
        """
        taken = [
            {"seconds": run.seconds, "peak_memory": run.peak_memory} | run.figures
            for run in self.readings[name]
        ]
        return [float(figures[key]) for figures in taken if key in figures]


@dataclass(frozen=True)
class Range:
    """Median, lowest and highest of a few values."""

    median: float
    low: float
    high: float


def order(names: Sequence[str], rounds: int) -> list[list[str]]:
    """Return who runs when: each round has every name once and begins one name later than the round before.

    So a machine that slows down or warms up does not favour whoever is always first.
    """
    shifts = (number % len(names) for number in range(rounds))
    return [[*names[shift:], *names[:shift]] for shift in shifts]


def alternate(
    commands: Sequence[Command],
    rounds: int,
    say: Callable[[str], None] = lambda line: None,
    keep: Callable[[int, Outcomes], None] = lambda ended, outcomes: None,
    ended: int = 0,
    earlier: Outcomes | None = None,
) -> Outcomes:
    """Run every command once a round, never two at a time, and collect what they measured.

    Args:
        commands: of different names.
        rounds: how many.
        say: is given a line of progress before each run and after each failure.
        keep: is given how many rounds have ended and what came of them, after each.
        ended: of the rounds, so many ended in an earlier sitting, which are not run again.
        earlier: what came of those.
    """
    named = {command.name: command for command in commands}
    outcomes = earlier or Outcomes({name: [] for name in named})
    for number, names in list(enumerate(order(list(named), rounds)))[ended:]:
        for name in (name for name in names if name not in outcomes.failures):
            say(f"round {number + 1} of {rounds}: {name}")
            result = run(named[name], number)
            if isinstance(result, Failure):
                say(f"{name} failed: {result.reason}\n{result.log}")
                outcomes.failures[name] = result
                # Readings of some rounds alone would stand beside those of other rounds.
                outcomes.readings[name] = []
            else:
                outcomes.readings[name].append(result)
        keep(number + 1, outcomes)
    return outcomes


def run(command: Command, number: int = 0) -> Reading | Failure:
    """Run a command once, to its end.

    Args:
        command: to run.
        number: of the round, from 0.
    """
    arguments = [part.replace("{round}", str(number)) for part in command.arguments]
    with tempfile.TemporaryDirectory(prefix="finesent-bench-") as name:
        folder = Path(name)
        ended = _launched(arguments, command, folder)
        printed, log = ((folder / stream).read_text(errors="replace") for stream in ("out", "err"))
    if ended is None:
        return Failure("it could not be started", _last_lines(log))
    if ended.status:
        return Failure(f"exit status {ended.status}", _last_lines(log or printed))
    figures = _figures(printed) if command.speaks else {}
    if figures is None:
        return Failure("its last line is no JSON object of finite numbers", _last_lines(printed))
    return Reading(figures, ended.seconds, ended.peak_memory)


def summary(values: Sequence[float]) -> Range:
    """Return median, lowest and highest of at least one value."""
    return Range(statistics.median(values), min(values), max(values))


def ratios(above: Sequence[float], below: Sequence[float]) -> Range:
    """Return median, lowest and highest of the quotients round by round.

    Runs of one round lie near each other in time, so that their quotient holds little of what else the
    machine did; the quotient of two medians would mix rounds.
    """
    return summary([first / second for first, second in zip(above, below, strict=True)])


def require_same_work(outcomes: Outcomes, keys: Sequence[str]) -> None:
    """Refuse to compare commands that did not do the same in every round.

    Raises:
        FinesentError: two commands differ in one of the figures ``keys``.
    """
    done = {name: readings for name, readings in outcomes.readings.items() if readings}
    for key in keys:
        seen = {name: outcomes.figures(name, key) for name in done}
        if len({tuple(values) for values in seen.values()}) > 1:
            told = "; ".join(f"{name} {values}" for name, values in seen.items())
            raise FinesentError(
                "benchmarks", f"the commands differ in {key}: {told}", "give them the same rows and tokens"
            )


@dataclass(frozen=True)
class _End:
    status: int
    seconds: float
    peak_memory: int


def _launched(arguments: list[str], command: Command, folder: Path) -> _End | None:
    """Run the arguments with their streams in ``folder``; None if they could not be started."""
    report = folder / "report"
    with (folder / "out").open("wb") as output, (folder / "err").open("wb") as errors:
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(report), *arguments],
            cwd=command.folder,
            env=os.environ | command.environment,
            stdout=output,
            stderr=errors,
            # A group of their own, so that none of them is left when this process is stopped.
            process_group=0,
        )
        try:
            launcher.wait()
        except BaseException:
            os.killpg(launcher.pid, signal.SIGKILL)
            launcher.wait()
            raise
    if not report.exists():
        return None
    status, seconds, memory = report.read_text().split()
    return _End(int(status), float(seconds), int(memory) * (1 if sys.platform == "darwin" else 1024))


def _figures(printed: str) -> dict[str, float] | None:
    lines = printed.strip().splitlines()
    try:
        content = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    if not isinstance(content, dict) or not all(_is_figure(value) for value in content.values()):
        return None
    return content


def _is_figure(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _last_lines(text: str, count: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
