"""Measure ours beside its peers, print the tables and write them into docs/performance.md.

``make bench`` runs all of it, which takes hours on two cores; ``python -m benchmarks.bench --lines training
--pairs 1 --steps 5`` shows in minutes that everything works, with figures that mean nothing.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.alternate import Outcomes, alternate, require_same_work
from benchmarks.document import DOCUMENT, section, write_document
from benchmarks.lines import LINES, Setting
from benchmarks.machine import described
from benchmarks.results import RESULTS, Result, read_results, write_result
from benchmarks.workspace import ROOT
from finesent.cores import usable_cores
from finesent.errors import FinesentError
from finesent.stage import run_stage

_PEERS = ROOT / ".venv-bench" / "bin" / "python"


def main() -> str:
    """Run the comparisons that the command line names.

    Raises:
        FinesentError: there is no data or no environment of the peers, commands did different work, earlier
            rounds are of something else, or a command failed (which is said once everything that worked is
            written).
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--lines", nargs="+", choices=list(LINES), default=list(LINES), metavar="LINE")
    parser.add_argument(
        "--pairs", type=int, default=5, help="rounds, in each of which every command runs once"
    )
    parser.add_argument("--steps", type=int, help="of an epoch; otherwise each comparison's own number")
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="whom to leave out, by the name in the table"
    )
    parser.add_argument("--threads", type=int, default=usable_cores(), help="of each process")
    parser.add_argument("--dataset", nargs="+", default=["sst5", "vader-movies"], help="the first to be had")
    parser.add_argument("--reviews", type=int, default=100_000, help="made-up reviews to clean")
    parser.add_argument(
        "--peers", type=Path, default=_PEERS, help="the interpreter with the peers' libraries"
    )
    parser.add_argument(
        "--go-on", action="store_true", help="count the rounds of an earlier, interrupted run of the same"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of what was measured")
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    options = parser.parse_args()
    if not options.peers.exists():
        raise FinesentError(str(options.peers), "the peers have no environment", "run `make bench`")
    setting = Setting(
        tuple(options.dataset), options.peers.absolute(), options.threads, options.steps, options.reviews
    )
    failed: list[str] = []
    for name in options.lines:
        failed += measure(name, setting, options.pairs, options.results, options.go_on, options.without)
    results = read_results(options.results)
    write_document(results, options.document)
    if failed:
        raise FinesentError("benchmarks", f"failed: {', '.join(failed)}", "their last words stand above")
    shown = [f"## {LINES[name].title}\n\n{section(results[name])}" for name in options.lines]
    return "\n\n".join(shown)


def measure(
    name: str,
    setting: Setting,
    rounds: int,
    folder: Path,
    go_on: bool = False,
    without: Sequence[str] = (),
) -> list[str]:
    """Run one comparison and keep its result, after each round anew; return the commands that failed.

    Args:
        name: of the comparison.
        setting: what it is run with.
        rounds: in all, those of an earlier sitting among them.
        folder: of the results.
        go_on: whether rounds that are there already count; otherwise it begins anew.
        without: names of commands that are left out; ours cannot be.

    Raises:
        FinesentError: the commands did different work, the earlier rounds are of something else, or there is
            no such command to leave out.
    """
    line = LINES[name]
    say(f"{name}: preparing the data")
    ours, *peers = line.commands(setting)
    if unknown := set(without) - {peer.name for peer in peers}:
        told = ", ".join(repr(peer.name) for peer in peers)
        raise FinesentError(
            f"--without of {name}", f"there is no {sorted(unknown)[0]!r} to leave out", f"it has {told}"
        )
    commands = [ours, *(peer for peer in peers if peer.name not in without)]
    surroundings = described(setting.peers) | {
        "threads": str(setting.threads),
        "data": line.data(setting),
    }
    command = shlex.join(["python", "-m", "benchmarks.bench", *sys.argv[1:]])
    result = Result.begun(name, command, surroundings, commands)
    if go_on and (earlier := read_results(folder).get(name)):
        result = result.continuing(earlier)

    def keep(ended: int, outcomes: Outcomes) -> None:
        require_same_work(outcomes, line.work)
        write_result(result.after(ended, outcomes), folder)

    outcomes = alternate(
        commands, rounds, lambda told: say(f"{name}: {told}"), keep, result.rounds, result.outcomes
    )
    return [f"{name}: {failed}" for failed in outcomes.failures]


def say(told: str) -> None:
    """Print a line of progress."""
    print(told, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_stage(main)
