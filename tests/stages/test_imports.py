"""Stages that compute no tensor start without PyTorch, whose import takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_data_stages_and_compare_load_no_pytorch() -> None:
    code = (
        "import sys; from importlib import import_module\n"
        "for name in sys.argv[1:]:\n"
        "    import_module(f'stages.{name}')\n"
        "    if 'torch' in sys.modules: sys.exit(f'stages.{name} loads PyTorch')\n"
    )
    names = ["download", "clean", "sample", "tokenize", "compare"]
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
