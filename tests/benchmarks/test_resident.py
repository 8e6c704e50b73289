"""Memory is that of all processes of a folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.resident import resident, watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

_TAKE = """
import subprocess, sys
taken = b"x" * (int(sys.argv[1]) << 20)
if len(sys.argv) > 2:
    subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], check=True)
print("done", flush=True)
sys.stdin.read()
"""


def test_the_memory_of_a_process_and_of_its_child_is_added_up(tmp_path: Path) -> None:
    assert resident(tmp_path) == 0
    with watched(tmp_path) as peak:
        child = subprocess.Popen(
            [sys.executable, "-c", _TAKE, "40", _TAKE],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        # It is the grandchild that says so first; both wait for the end of what they read.
        assert child.stdout.readline() == b"done\n"
        held = resident(tmp_path)
        deadline = time.monotonic() + 60
        while peak.value < held and time.monotonic() < deadline:
            time.sleep(0.01)
        child.communicate()
    assert held > 80 << 20
    assert held <= peak.value < 2 * held
    assert resident(tmp_path) == 0
