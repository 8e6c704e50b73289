"""What was measured, kept as JSON below .work.

There is a file a comparison, written after each round, so that a series that is interrupted keeps all
comparisons before, and the rounds of its own that had ended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.alternate import Failure, Outcomes, Reading
from benchmarks.workspace import WORK
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
    """

    line: str
    rounds: int
    command: str
    surroundings: dict[str, str]
    outcomes: Outcomes


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
