"""What the documents tell a reader to type exists: stages, params, ablations, files."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from finesent.params.study import read_study
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def write_study(folder: Path, params: dict[str, Any]) -> Path:
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(params, file)
    return folder / "params.yaml"


def change(params: dict[str, Any], key: str, value: Any) -> None:
    """Set a key that must be there already, as `dvc exp run -S` demands."""
    *above, last = key.split(".")
    for part in above:
        params = params[part]
    assert last in params, key
    params[last] = value


def commands(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return [found for found in re.findall(r"dvc exp run[^\n`]*", joined) if " -S " in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_experiment_in_the_documents_is_sound(document: Path, tmp_path: Path) -> None:
    for command in commands(document.read_text(encoding="utf-8")):
        if "my-reviews" in command:
            continue
        params = read_yaml(ROOT / "params.yaml")
        words = shlex.split(command)
        for option in [after for word, after in pairwise(words) if word == "-S"]:
            if option.startswith("~"):
                above, last = option[1:].split(".")
                del params[above][last]
            else:
                key, _, value = option.partition("=")
                change(params, key, YAML(typ="safe", pure=True).load(value))
        read_study(write_study(tmp_path, params))


def test_the_readme_has_experiments_to_check() -> None:
    assert len(commands(README)) >= 2


def test_the_readmes_stage_table_is_the_pipeline() -> None:
    named = re.findall(r"^\| `(\w+)(?:@\w+)?` \|", README, flags=re.MULTILINE)
    assert named == list(read_yaml(ROOT / "dvc.yaml")["stages"])


def test_the_readmes_new_ablation_is_sound(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(ablations:.*?)```", README, flags=re.DOTALL)
    params = read_yaml(ROOT / "params.yaml")
    params["ablations"] |= YAML(typ="safe", pure=True).load(block)["ablations"]
    assert "no-head-dropout" in read_study(write_study(tmp_path, params)).ablations


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_docs_describe_every_ablation() -> None:
    text = (ROOT / "docs" / "ablations.md").read_text(encoding="utf-8")
    described = re.findall(r"^## (\S+)$", text, flags=re.MULTILINE)
    assert described == list(read_yaml(ROOT / "params.yaml")["ablations"])
