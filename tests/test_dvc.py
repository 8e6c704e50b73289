"""The pipeline under a real DVC, in a temporary repository, on a tiny backbone and a user's own csv."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import TELLING, make_rows, write_backbone

ROOT = Path(__file__).parents[1]
COPIED = ["dvc.yaml", ".gitignore", ".dvcignore", "stages", "finesent", "catalog", "metrics"]


def write_project(folder: Path) -> Path:
    """A repository with this project's pipeline and code, and small params over local data."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "*.json")
        shutil.copytree(source, folder / name, ignore=ignore) if source.is_dir() else shutil.copy(
            source, folder
        )
    local = folder / "data" / "local"
    local.mkdir(parents=True)
    make_rows(300, seed=1).drop(columns="id").to_csv(local / "reviews.csv", index=False)
    write_backbone(local / "tiny", layers=2)
    make_rows(60, seed=2).drop(columns="id").to_csv(local / "others.csv", index=False)
    datasets = {"tiny": _dataset(local / "reviews.csv"), "others": _dataset(local / "others.csv")}
    _write_yaml(folder / "catalog" / "datasets.yaml", datasets)
    _write_yaml(folder / "catalog" / "backbones.yaml", {"tiny": _backbone(local / "tiny")})
    _write_yaml(folder / "params.yaml", _params())
    for command in (
        ["git", "init", "-q"],
        ["git", "config", "user.email", "a@b.c"],
        ["git", "config", "user.name", "a"],
    ):
        run(folder, *command)
    dvc(folder, "init", "-q")
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots", dirs_exist_ok=True)
    commit(folder, "start")
    return folder


def _dataset(file: Path) -> dict[str, Any]:
    return {
        "title": "tiny",
        "licence": "none",
        "labels": TELLING,
        "layouts": {"default": {"format": "csv", "files": {"all": {"path": file.name}}}},
        "sources": [{"kind": "local"}],
    }


def _backbone(folder: Path) -> dict[str, Any]:
    files = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    return {
        "title": "tiny",
        "licence": "none",
        "parameters": "few",
        "layouts": {"default": {"files": [{"path": name} for name in files]}},
        "sources": [{"kind": "local", "folder": f"data/local/{folder.name}"}],
    }


def _params() -> dict[str, Any]:
    params: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    params |= {"dataset": "tiny", "backbone": "tiny", "seeds": [0, 1], "panel": None}
    params["transfer"] = {"elsewhere": {"dataset": "others", "classes": [5, 2], "rows": 40}}
    params["sample"]["train_size"] = 100
    params["train"] = {"device": "cpu", "precision": "float32", "micro_batch": None, "checkpoint_seconds": 0}
    params["evaluate"] |= {"device": "cpu", "precision": "float32"}
    params["inputs"] = {"plain": {"template": "{text}", "max_length": 32}}
    params["ablations"] = {
        "baseline": {"input": "plain", "epochs": 2},
        "after-n": {"input": "plain", "unfreeze": {"policy": "all", "after": 1}, "epochs": 3},
    }
    params["compare"]["resamples"] = 200
    params["claims"] = [
        {
            "better": "after-n",
            "than": "baseline",
            "metric": "accuracy",
            "smallest_effect": 0.01,
            "source": "this test",
        }
    ]
    return params


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(content, path)


def edit_params(folder: Path, change: dict[str, Any]) -> None:
    """Change values of params.yaml by dotted key."""
    params = YAML(typ="safe", pure=True).load(folder / "params.yaml")
    for key, value in change.items():
        *above, last = key.split(".")
        block = params
        for part in above:
            block = block[part]
        block[last] = value
    _write_yaml(folder / "params.yaml", params)


def run(folder: Path, *command: str, ok: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, with this interpreter as ``python``."""
    hidden = ("DVC_", "GIT_", "COV_", "COVERAGE", "FINESENT_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1", **extra}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not ok or done.returncode == 0, done.stdout + done.stderr
    return done


def dvc(folder: Path, *arguments: str, ok: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "dvc", *arguments, ok=ok, **extra)


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", message)


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"Running stage '([^']+)'", done.stdout + done.stderr)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, by its path there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first `dvc repro`, committed. Tests copy it."""
    folder = write_project(tmp_path_factory.mktemp("pipeline") / "one")
    done = dvc(folder, "repro")
    assert set(stages_run(done)) == {
        *("download", "clean", "sample", "tokenize@plain", "compare"),
        *(f"{stage}@{name}" for stage in ("train", "evaluate") for name in ("baseline", "after-n")),
    }
    commit(folder, "reproduced")
    return folder


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Path:
    """A copy of the reproduced project, cache and all."""
    return Path(shutil.copytree(reproduced, tmp_path / "copy", symlinks=True))


def test_a_second_repro_runs_nothing(project: Path) -> None:
    assert stages_run(dvc(project, "repro")) == []


def test_the_comparison_has_every_ablation_and_metric(reproduced: Path) -> None:
    metrics = json.loads((reproduced / "metrics" / "comparison.json").read_text())
    assert set(metrics) == {"baseline", "after-n"}
    table = (reproduced / "report" / "comparison.md").read_text()
    assert "after-n" in table and "baseline" in table
    clean = json.loads((reproduced / "metrics" / "clean.json").read_text())
    assert sum(clean["rows"].values()) + clean["duplicates"]["train_dropped_as_duplicates"] == 300


def test_an_ablations_param_reruns_that_ablation_alone_and_both_comparisons_show_it(project: Path) -> None:
    done = dvc(project, "exp", "run", "-S", "ablations.after-n.unfreeze.after=2")
    assert sorted(stages_run(done)) == ["compare", "evaluate@after-n", "train@after-n"]
    shown = dvc(project, "metrics", "diff", "HEAD", "--json").stdout
    changed = json.loads(shown)
    assert "metrics/after-n.json" in changed
    assert "metrics/baseline.json" not in changed
    against = run(project, sys.executable, "-m", "stages.compare", "--against", "HEAD", "--format", "json")
    changes = {
        change["ablation"]: change
        for change in json.loads(against.stdout)["changes"]
        if change["metric"] == "accuracy"
    }
    # Both sets of predictions are in the cache, so that the change of either ablation is tested.
    assert changes["baseline"]["same"]
    assert changes["after-n"]["gain"]["value"] == changes["after-n"]["change"]


def test_against_a_revision_whose_predictions_are_gone(project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")
    against = run(project, sys.executable, "-m", "stages.compare", "--against", "HEAD").stdout
    assert "baseline: not tested against HEAD: its predictions are not in DVC's cache." in against
    assert "+0.00" in against


def test_the_comparison_needs_no_model(project: Path) -> None:
    before = (project / "report" / "comparison.md").read_text()
    shutil.rmtree(project / "models")
    shutil.rmtree(project / "report")
    run(project, sys.executable, "-m", "stages.compare")
    assert (project / "report" / "comparison.md").read_text() == before


def test_further_test_sets_are_scored_by_every_ablation(reproduced: Path) -> None:
    found = json.loads((reproduced / "report" / "comparison.json").read_text())["transfer"]["elsewhere"]
    assert found["dataset"] == "others" and set(found["n"]) == {"5", "2"}
    assert 0 < found["n"]["2"] < found["n"]["5"] <= 40
    assert set(found["scores"]) == {"baseline", "after-n"}


def test_a_comment_in_evaluation_reruns_no_training(project: Path) -> None:
    for file in sorted((project / "finesent" / "evaluation").glob("*.py")):
        file.write_text(file.read_text() + "# a comment\n")
    planned = stages_run(dvc(project, "repro", "--dry"))
    assert "evaluate@after-n" in planned and "compare" in planned
    assert not [
        stage for stage in planned if stage.startswith(("train", "tokenize", "sample", "clean", "download"))
    ]


def test_a_new_ablation_runs_alone(project: Path) -> None:
    edit_params(project, {"ablations.new": {"input": "plain", "epochs": 1}})
    assert sorted(stages_run(dvc(project, "repro"))) == ["compare", "evaluate@new", "train@new"]


def test_a_removed_ablation_leaves_the_comparison(project: Path) -> None:
    params = YAML(typ="safe", pure=True).load(project / "params.yaml")
    del params["ablations"]["after-n"]
    _write_yaml(project / "params.yaml", params)
    failed = dvc(project, "repro", ok=False)
    assert "claims.0.better: 'after-n' is not in ['baseline']" in failed.stdout + failed.stderr
    params["claims"] = []
    _write_yaml(project / "params.yaml", params)
    dvc(project, "repro")
    assert set(json.loads((project / "metrics" / "comparison.json").read_text())) == {"baseline"}


def test_a_changed_local_file_is_seen(project: Path) -> None:
    file = project / "data" / "local" / "reviews.csv"
    file.write_text(file.read_text() + "the film was superb,4\n")
    # A dry run ends at the first stage whose inputs it would have to make, which is all that is asked here.
    assert stages_run(dvc(project, "repro", "--dry", ok=False))[0] == "download"


def test_another_folder_gives_the_same_bytes(reproduced: Path, tmp_path: Path) -> None:
    other = write_project(tmp_path / "a folder elsewhere")
    dvc(other, "repro")
    ours, theirs = (
        {
            f"{stage}/{out['path']}": out.get("md5")
            for stage, content in YAML(typ="safe", pure=True).load(folder / "dvc.lock")["stages"].items()
            for out in content.get("outs", [])
        }
        for folder in (reproduced, other)
    )
    timed = {name for name in ours if "history.csv" in name or name == "compare/report"}
    assert len(timed) == 3
    assert {name: md5 for name, md5 in ours.items() if name not in timed} == {
        name: md5 for name, md5 in theirs.items() if name not in timed
    }


def test_a_killed_repro_goes_on_and_ends_the_same(reproduced: Path, project: Path) -> None:
    before = digests(reproduced / "models" / "after-n")
    shutil.rmtree(project / "models" / "after-n")
    shutil.rmtree(project / ".dvc" / "cache")
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.train", "after-n"], cwd=project, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while not list((project / ".work").glob("*/*/epoch-*")) and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (project / "models" / "after-n").exists()
    assert run(project, sys.executable, "-m", "stages.train", "after-n", OMP_NUM_THREADS="1").returncode == 0
    assert digests(project / "models" / "after-n") == before


def test_two_repros_at_once_do_not_disturb_each_other(project: Path) -> None:
    edit_params(project, {"sample.seed": 5})
    first = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "sample"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    second = dvc(project, "repro", "sample", ok=False)
    output, _ = first.communicate()
    for code, text in ((first.returncode, output), (second.returncode, second.stdout + second.stderr)):
        assert code == 0 or "lock" in text.lower() or "busy" in text.lower(), text
    assert 0 in (first.returncode, second.returncode)
    assert stages_run(dvc(project, "repro", "sample")) == []


def test_a_mistake_in_params_stops_the_pipeline_with_the_key(project: Path) -> None:
    edit_params(project, {"sample.train_sizes": 7})
    before = digests(project / "data" / "clean")
    failed = dvc(project, "repro", ok=False)
    assert failed.returncode != 0
    assert "sample.train_sizes: unknown key" in failed.stdout + failed.stderr
    assert digests(project / "data" / "clean") == before


def test_training_works_where_no_test_split_exists(project: Path) -> None:
    for file in project.rglob("test.parquet"):
        file.unlink()
    run(project, sys.executable, "-m", "stages.train", "baseline")
