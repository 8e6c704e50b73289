"""dvc.yaml held against the code: the firewall between train and test, declared params, covered imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pydantic import BaseModel

from finesent.params.clean import CleanParams
from finesent.params.download import DownloadParams
from finesent.params.evaluate import EvaluateParams
from finesent.params.sample import SampleParams
from finesent.params.tokenize import TokenizeParams
from finesent.params.train import TrainParams
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
PIPELINE = read_yaml(ROOT / "dvc.yaml")["stages"]
PARAMS = read_yaml(ROOT / "params.yaml")
STAGES = ["download", "clean", "sample", "tokenize", "train", "evaluate", "compare"]

# Modules that say what went wrong or check what was read, and cannot change what a stage writes: the values
# that they check are declared as params. Everything else that a stage imports is among its deps.
CANNOT_CHANGE_OUTPUTS = (
    "finesent/__init__.py",
    "finesent/errors.py",
    "finesent/stage.py",
    "finesent/validation.py",
    "finesent/yaml_files.py",
    "finesent/catalog",
    "finesent/params",
)


def body(stage: str) -> dict[str, Any]:
    definition: dict[str, Any] = PIPELINE[stage]
    return definition.get("do", definition)


def names(entries: list[Any]) -> list[str]:
    """The paths of deps or outs, whether written plainly or with options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def items(stage: str) -> list[dict[str, str]]:
    """What ``${key}`` and ``${item.input}`` stand for in each item of a stage."""
    if "foreach" not in PIPELINE[stage]:
        return [{}]
    block = PARAMS[PIPELINE[stage]["foreach"].removeprefix("${").removesuffix("}")]
    return [{"${key}": key, "${item.input}": str(value.get("input", ""))} for key, value in block.items()]


def resolved(stage: str, kind: str) -> set[str]:
    found = set()
    for item in items(stage):
        for path in names(body(stage).get(kind, [])):
            for variable, value in item.items():
                path = path.replace(variable, value)
            found.add(path)
    return found


def covers(path: str, other: str) -> bool:
    """Whether ``path`` is ``other`` or a folder that holds it."""
    return PurePosixPath(path) in [PurePosixPath(other), *PurePosixPath(other).parents]


def produced_by(stages: list[str]) -> set[str]:
    return {
        path for stage in stages for kind in ("outs", "metrics", "plots") for path in resolved(stage, kind)
    }


# What holds the texts, labels or ratings of rows that are tested on.
HOLDING_TEST_ROWS = ("test.parquet", "transfer", "panel.parquet", "duplicates.parquet", "recurring.parquet")
TEST_FILES = {
    path
    for path in produced_by(["clean", "sample", "tokenize"])
    if PurePosixPath(path).name in HOLDING_TEST_ROWS
}


def test_the_seven_stages_stand_in_the_order_of_the_data() -> None:
    assert list(PIPELINE) == STAGES
    for stage in STAGES:
        command = body(stage)["cmd"]
        assert command in (f"python -m stages.{stage}", f"python -m stages.{stage} ${{key}}")
        assert body(stage)["desc"]


def test_there_are_test_files_to_guard() -> None:
    assert {
        *(f"data/clean/{name}" for name in HOLDING_TEST_ROWS),
        *(f"data/tokenized/{name}/{file}" for name in PARAMS["inputs"] for file in HOLDING_TEST_ROWS[:2]),
    } == TEST_FILES


@pytest.mark.parametrize("stage", ["download", "clean", "sample", "train"])
def test_no_stage_that_shapes_a_model_depends_on_a_test_file(stage: str) -> None:
    reached = {(dep, test) for dep in resolved(stage, "deps") for test in TEST_FILES if covers(dep, test)}
    assert reached == set()


def test_train_depends_on_train_dev_backbone_and_code_alone() -> None:
    data = {dep for dep in resolved("train", "deps") if dep.startswith(("data/", "models", "predictions"))}
    inputs = {block["input"] for block in PARAMS["ablations"].values()}
    assert data == {"data/backbone"} | {
        f"data/tokenized/{name}/{part}"
        for name in inputs
        for part in ("train.parquet", "dev.parquet", "words")
    }


def test_nothing_that_test_has_touched_flows_back() -> None:
    tainted = produced_by(["evaluate", "compare"])
    for stage in STAGES[:5]:
        for dep in resolved(stage, "deps"):
            assert not any(covers(dep, path) or covers(path, dep) for path in tainted), (stage, dep)


def test_only_evaluate_reads_tokenized_test() -> None:
    readers = {
        stage
        for stage in STAGES
        for dep in resolved(stage, "deps")
        for test in TEST_FILES
        if "tokenized" in test and covers(dep, test)
    }
    assert readers == {"evaluate"}


def local_imports(file: Path) -> Iterator[Path]:
    """The modules of this repository that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for module in modules:
            base = ROOT / module.replace(".", "/")
            for candidate in (base.with_suffix(".py"), base / "__init__.py"):
                if module.startswith(("finesent", "stages")) and candidate.is_file():
                    yield candidate


def closure(file: Path) -> set[str]:
    """Every module of this repository that running a file can load."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += local_imports(current)
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_what_the_stage_imports(stage: str) -> None:
    deps = resolved(stage, "deps")
    uncovered = {
        module
        for module in closure(ROOT / "stages" / f"{stage}.py")
        if not any(covers(known, module) for known in (*deps, *CANNOT_CHANGE_OUTPUTS))
        and not (module.endswith("__init__.py") and "losses" not in module)
    }
    assert uncovered == set()


def test_merging_an_ablation_can_change_outputs_and_is_a_dep() -> None:
    assert "finesent/params/ablation.py" in resolved("train", "deps")


@pytest.mark.parametrize("stage", STAGES)
def test_every_code_dep_is_used(stage: str) -> None:
    modules = closure(ROOT / "stages" / f"{stage}.py")
    for dep in resolved(stage, "deps"):
        if dep.startswith(("finesent", "stages")):
            assert any(covers(dep, module) for module in modules), f"{stage} does not import {dep}"
            assert (ROOT / dep).exists()


@pytest.mark.parametrize(
    ("stage", "model", "more"),
    [
        ("download", DownloadParams, set()),
        ("clean", CleanParams, set()),
        ("sample", SampleParams, set()),
        ("tokenize", TokenizeParams, {"inputs.${key}"}),
        ("train", TrainParams, {"defaults", "ablations.${key}"}),
        ("evaluate", EvaluateParams, {"ablations.${key}.input"}),
    ],
)
def test_declared_params_are_those_that_the_stage_can_read(
    stage: str, model: type[BaseModel] | None, more: set[str]
) -> None:
    declared = {entry for entry in body(stage)["params"] if isinstance(entry, str)}
    assert declared == (set(model.model_fields) if model else set()) | more


def test_compare_depends_on_the_whole_params_file() -> None:
    assert {"params.yaml": None} in body("compare")["params"]


@pytest.mark.parametrize("stage", STAGES)
def test_no_output_defeats_the_run_cache(stage: str) -> None:
    for kind in ("outs", "metrics", "plots"):
        for entry in body(stage).get(kind, []):
            options = {} if isinstance(entry, str) else next(iter(entry.values())) or {}
            assert not options.get("persist")
            # Uncached metrics keep the run cache; plain outputs that are not cached would switch it off.
            assert kind == "metrics" or options.get("cache", True)


@pytest.mark.parametrize(
    "package", ["params", "catalog", "sources", "data", "models", "kernels", "training", "evaluation"]
)
def test_imports_go_one_way(package: str) -> None:
    below = {
        "params": set(),
        "catalog": {"params"},
        "sources": {"params", "catalog"},
        "data": {"params", "catalog", "sources"},
        "models": {"params", "catalog", "sources", "data"},
        "kernels": {"models"},
        "training": {"params", "catalog", "sources", "data", "models", "kernels"},
        "evaluation": {"params", "catalog", "sources", "data", "models"},
    }[package]
    for file in (ROOT / "finesent" / package).rglob("*.py"):
        for imported in local_imports(file):
            parts = imported.relative_to(ROOT).parts
            assert parts[0] == "finesent", f"{file} imports {imported}"
            if len(parts) > 2:
                assert parts[1] in below | {package}, f"{file} imports {imported}"
