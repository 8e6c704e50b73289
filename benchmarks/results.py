"""What was measured, kept as JSON below .work.

There is a file a comparison, written after each round, so that a series that is interrupted keeps all
comparisons before, and the rounds of its own that had ended, and can go on with the next.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.alternate import Command, Failure, Outcomes, Reading
from benchmarks.machine import LOAD
from benchmarks.workspace import WORK
from finesent.errors import FinesentError
from finesent.files import read_json, write_json

RESULTS = WORK / "results"


@dataclass(frozen=True)
class Result:
    """One comparison as measured.

    Attributes:
        line: its name.
        rounds: that had ended.
        command: that was typed.
        surroundings: machine, versions, commit.
        outcomes: readings and failures.
        arguments: of each of its commands; empty where an earlier version of this program measured.
    """

    line: str
    rounds: int
    command: str
    surroundings: dict[str, str]
    outcomes: Outcomes
    arguments: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def begun(
        cls, line: str, command: str, surroundings: dict[str, str], commands: Sequence[Command]
    ) -> Result:
        """Return a comparison of which no round has ended."""
        arguments = {each.name: list(each.arguments) for each in commands}
        return cls(line, 0, command, surroundings, Outcomes({name: [] for name in arguments}), arguments)

    def after(self, rounds: int, outcomes: Outcomes) -> Result:
        """Return the same comparison when so many rounds have ended."""
        return replace(self, rounds=rounds, outcomes=outcomes)

    def continuing(self, earlier: Result) -> Result:
        """Return this comparison, of which no round has ended, with the rounds of an earlier sitting.

        Raises:
            FinesentError: that was of another commit, machine, version, data set or command.
        """
        now, then = self._same(), earlier._same()
        for what in {**now, **then}:
            before, today = (known.get(what, "unknown") for known in (then, now))
            if before != today:
                raise FinesentError(
                    f"benchmarks: {self.line}",
                    f"the earlier rounds are of another {what}: {before}, and now {today}",
                    "measure it anew, without --go-on",
                )
        loads = {LOAD: f"{earlier.surroundings[LOAD]}, then {self.surroundings[LOAD]}"}
        surroundings = self.surroundings | loads
        return replace(self, surroundings=surroundings).after(earlier.rounds, earlier.outcomes)

    def _same(self) -> dict[str, str]:
        """What the rounds of one comparison have in common."""
        known = {name: value for name, value in self.surroundings.items() if name != LOAD}
        typed = {f"command {name!r}": shlex.join(words) for name, words in self.arguments.items()}
        return known | typed


def write_result(result: Result, folder: Path = RESULTS) -> None:
    """Write a comparison, in place of an earlier one of the same name."""
    write_json(folder / f"{result.line}.json", asdict(result))


def read_results(folder: Path = RESULTS) -> dict[str, Result]:
    """Return every comparison measured so far, by name.

    Raises:
        FinesentError: a file is not JSON.
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        content = read_json(path)
        kept = content["outcomes"]
        content["outcomes"] = Outcomes(
            {name: [Reading(**run) for run in runs] for name, runs in kept["readings"].items()},
            {name: Failure(**failure) for name, failure in kept["failures"].items()},
        )
        results[path.stem] = Result(**content)
    return results
