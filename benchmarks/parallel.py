"""Several seeds at once, each a process of one thread, as one child of the benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.alternate import Command, Failure, Reading, run


def main() -> None:
    """Start the processes together, wait for all of them, and print what they did and held together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the first process; the next has the next")
    options, rest = parser.parse_known_args()
    engine = (sys.executable, "-m", "benchmarks.engine", *rest, "--seed")
    commands = [
        Command(f"seed {seed}", (*engine, str(seed)), Path.cwd(), {"OMP_NUM_THREADS": "1"})
        for seed in range(options.seed, options.seed + options.processes)
    ]
    with ThreadPoolExecutor(options.processes) as pool:
        results = list(pool.map(run, commands))
    if failed := [result for result in results if isinstance(result, Failure)]:
        sys.exit(f"{len(failed)} of {len(results)} processes failed: {failed[0].reason}\n{failed[0].log}")
    readings = [result for result in results if isinstance(result, Reading)]
    figures = {
        "total_sentences": sum(
            reading.figures["sentences"] * reading.figures["epochs"] for reading in readings
        ),
        # The machine has to hold all of them, where getrusage would count the largest.
        "peak_memory": sum(reading.peak_memory for reading in readings),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
