"""docs/extending.md, followed to the letter in a copy of the package, gives a loss that trains."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
REGISTRY = Path("finesent/training/losses/__init__.py")
LOSS = Path("finesent/training/losses/poly.py")

# Runs in the copy: one block of the document's params, one epoch of one step.
STEP = """
import sys
from pathlib import Path

import finesent
from tests.training.helpers import make_ablation, make_params, make_paths
from finesent.training.ablation import train_ablation
from finesent.yaml_files import read_yaml

root, tokens, backbone = map(Path, sys.argv[1:])
assert Path(finesent.__file__).is_relative_to(Path.cwd()), finesent.__file__
losses = read_yaml(root / "block.yaml")["losses"]
ablation = make_ablation(losses=losses, epochs=1, batch={"sentences": 160})
assert list(ablation.losses) == ["poly"], ablation.losses
train_ablation("a", ablation, make_params([0]), 5, make_paths(root, tokens, backbone))
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)
    return str(found)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with the loss added as the document says."""
    folder = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "finesent", folder / "finesent", ignore=ignored)
    shutil.copytree(ROOT / "tests" / "training", folder / "tests" / "training", ignore=ignored)
    (folder / LOSS).write_text(block("python"), encoding="utf-8")
    added = [line.removeprefix("+") for line in block("diff").splitlines()]
    (new_import,) = (line for line in added if line.startswith("from "))
    (entry,) = (line for line in added if line.startswith("    "))
    lines = (folder / REGISTRY).read_text(encoding="utf-8").splitlines(keepends=True)
    for line, beside in ((new_import, r"from finesent\.training\.losses\."), (entry, r'    "\w')):
        # Where the alphabet puts it among its like.
        after = [number for number, old in enumerate(lines) if re.match(beside, old) and old < line]
        lines.insert(after[-1] + 1, f"{line}\n")
    (folder / REGISTRY).write_text("".join(lines), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_documents_loss_trains_a_step(copy: Path, tmp_path: Path, tokens: Path, backbone: Path) -> None:
    (tmp_path / "block.yaml").write_text(block("yaml"), encoding="utf-8")
    done = run(copy, "-c", STEP, str(tmp_path), str(tokens), str(backbone))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "a" / "0" / "head.safetensors").exists()


def test_the_documents_loss_touches_two_files(copy: Path) -> None:
    changed = [
        path.relative_to(copy)
        for path in sorted((copy / "finesent").rglob("*"))
        if path.is_file()
        and (
            not (ROOT / path.relative_to(copy)).exists()
            or path.read_bytes() != (ROOT / path.relative_to(copy)).read_bytes()
        )
    ]
    assert changed == [REGISTRY, LOSS]
    added = len(block("python").splitlines()) + len(block("diff").splitlines())
    assert added <= 40


def test_the_documents_loss_keeps_the_projects_rules(copy: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    for command in (["check"], ["format", "--check"]):
        done = run(copy, "-m", "ruff", *command, "--config", config, str(LOSS), str(REGISTRY))
        assert done.returncode == 0, done.stdout
