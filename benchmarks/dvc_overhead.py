"""What is paid before any work: DVC with nothing to do, and the imports of the stages.

Run as ``python -m benchmarks.dvc_overhead [ROUNDS]`` after `make repro`, in the same folder. Prints a table.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.alternate import Command, Outcomes, alternate, summary
from benchmarks.bench import say
from benchmarks.document import ranged
from benchmarks.workspace import ROOT
from finesent.errors import FinesentError
from finesent.evaluation.markdown import NOTHING, table
from finesent.stage import run_stage

STAGES = ("download", "clean", "sample", "tokenize", "train", "evaluate", "compare")

_IMPORT = """
import json, sys, time
started = time.perf_counter()
import stages.{stage}
print(json.dumps({{"import_seconds": time.perf_counter() - started, "torch": int("torch" in sys.modules)}}))
"""


def importing(stage: str) -> Command:
    """Return a command that imports a stage, and says how long that took and whether PyTorch came with it."""
    return Command(f"import stages.{stage}", (sys.executable, "-c", _IMPORT.format(stage=stage)), ROOT)


def idle(project: Path, *arguments: str) -> Command:
    """Return a DVC command that has nothing to do in a finished project."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "DVC_NO_ANALYTICS": "1"}
    command = (sys.executable, "-m", "dvc", *arguments)
    return Command(f"dvc {' '.join(arguments)}", command, project, environment, speaks=False)


def require_finished(project: Path) -> None:
    """Refuse a project in which `dvc repro` would run a stage.

    Raises:
        FinesentError: it would, or DVC cannot say.
    """
    dry = idle(project, "repro", "--dry")
    environment = os.environ | dry.environment
    done = subprocess.run(
        dry.arguments, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FinesentError(str(project), f"`{dry.name}` failed: {done.stderr.strip()}", "mend the project")
    if stages := re.findall(r"Running stage '([^']+)'", done.stdout + done.stderr):
        problem = f"there is something to do: {', '.join(stages)}"
        raise FinesentError(str(project), problem, "run `make repro`")


def overhead_table(outcomes: Outcomes) -> str:
    """Lay out seconds of each process and of its import, and whether it loaded PyTorch."""
    rows = []
    for name in outcomes.readings:
        taken = {key: outcomes.figures(name, key) for key in ("seconds", "import_seconds", "torch")}
        loaded = "yes" if any(taken["torch"]) else "no"
        rows.append(
            {
                "": f"{name}: failed" if name in outcomes.failures else name,
                "seconds": _cell(taken["seconds"]),
                "of import": _cell(taken["import_seconds"]),
                "PyTorch": loaded if taken["torch"] else NOTHING,
            }
        )
    return table(rows, left=("", "PyTorch"))


def _cell(values: list[float]) -> str:
    return ranged(summary(values), 2) if values else NOTHING


def main() -> str:
    """Measure, and return the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    require_finished(ROOT)
    commands = [idle(ROOT, "repro"), idle(ROOT, "status"), *map(importing, STAGES)]
    return overhead_table(alternate(commands, rounds, say))


if __name__ == "__main__":
    run_stage(main)
