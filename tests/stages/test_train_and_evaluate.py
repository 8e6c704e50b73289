"""The train and evaluate stages, run in a folder of their own on a tiny backbone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from safetensors.torch import load_file

from finesent.data.tables import read_arrow, write_arrow
from finesent.data.transfer import TransferInfo, write_transfer_index
from finesent.errors import FinesentError
from finesent.evaluation.predictions import read_predictions
from stages import evaluate, train
from tests.conftest import TELLING, write_tokens
from tests.training.helpers import DEFAULTS

ABLATION = {"input": "plain", "epochs": 2}


@pytest.fixture
def project(tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as it is before train runs."""
    folder = tmp_path / "data" / "tokenized" / "plain"
    shutil.copytree(tokens, folder)
    write_tokens(folder / "transfer", backbone, {"elsewhere": 12, "left-over": 4})
    elsewhere = TransferInfo(
        dataset="other", title="Other", labels=TELLING, classes=[5, 3], rows=12, shared_with_train=2
    )
    write_transfer_index(folder / "transfer", {"elsewhere": elsewhere})
    shutil.copytree(backbone, tmp_path / "data" / "backbone")
    (tmp_path / "catalog").mkdir()
    entry = {
        "title": "tiny",
        "licence": "none",
        "labels": TELLING,
        "layouts": {"default": {"format": "csv", "files": {"all": {"path": "a.csv"}}}},
        "sources": [{"kind": "local"}],
    }
    YAML().dump({"tiny": entry}, tmp_path / "catalog" / "datasets.yaml")
    params: dict[str, Any] = {
        "dataset": "tiny",
        "seeds": [0, 1],
        "train": {"device": "cpu", "precision": "bf16", "micro_batch": None},
        "evaluate": {"device": "cpu", "precision": "float32", "batch_tokens": 256},
        "defaults": {key: value for key, value in DEFAULTS.items() if key != "input"},
        "ablations": {"a": ABLATION},
    }
    YAML().dump(params, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def run(stage: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", [stage.__name__, *arguments])
    line: str = stage.main()
    return line


def test_train_and_evaluate(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(train, monkeypatch, "a").startswith("train a: dev accuracy seed 0 ")
    assert run(evaluate, monkeypatch, "a").startswith("evaluate a: test accuracy ")
    predictions = read_predictions(project / "predictions" / "a.parquet")
    assert predictions.seeds == [0, 1]
    assert predictions.splits["test"].logits.shape == (2, 25, 5)
    headline = json.loads((project / "metrics" / "a.json").read_text())["a"]
    test = predictions.splits["test"]
    accuracy = (test.logits.argmax(axis=2) == test.labels).mean()
    assert headline["test_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert len(headline) == 6
    assert list(predictions.transfer) == ["elsewhere"]
    assert predictions.transfer["elsewhere"].split.logits.shape == (2, 12, 5)
    summary = json.loads((project / "predictions" / "a.json").read_text())
    assert set(summary["transfer"]["elsewhere"]["classes"]) == {"5", "3"}
    plots = {path.name for path in (project / "plots" / "a").iterdir()}
    assert plots == {"history.csv", "confusion.csv", "calibration.csv", "roc.csv", "precision_recall.csv"}


def test_a_further_test_set_without_its_tokens_stops_evaluate_before_it_writes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train, monkeypatch, "a")
    (project / "data" / "tokenized" / "plain" / "transfer" / "elsewhere.parquet").unlink()
    with pytest.raises(FinesentError, match=r"transfer/elsewhere\.parquet: the file is missing"):
        run(evaluate, monkeypatch, "a")
    assert not (project / "predictions").exists()
    assert {path.name for path in (project / "plots" / "a").iterdir()} == {"history.csv"}


def test_a_further_test_set_that_has_no_such_classes_stops_evaluate_before_it_writes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train, monkeypatch, "a")
    index = project / "data" / "tokenized" / "plain" / "transfer" / "index.json"
    index.write_text(index.read_text().replace("5,", "4,", 1))
    with pytest.raises(FinesentError, match="5 classes cannot be read as 4"):
        run(evaluate, monkeypatch, "a")
    assert not (project / "predictions").exists()


def test_the_dev_numbers_are_those_that_chose_the_epoch(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train, monkeypatch, "a")
    run(evaluate, monkeypatch, "a")
    rows = (project / "plots" / "a" / "history.csv").read_text().splitlines()
    names = rows[0].split(",")
    kept = [dict(zip(names, row.split(","), strict=True)) for row in rows[1:]]
    chosen = [float(row["dev_accuracy"]) for row in kept if row["selected"] == "1"]
    headline = json.loads((project / "metrics" / "a.json").read_text())["a"]
    assert headline["dev_accuracy"] == pytest.approx(sum(chosen) / 2, abs=1e-6)


def test_evaluate_changes_no_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(train, monkeypatch, "a")
    before = {path: path.read_bytes() for path in (project / "models").rglob("*") if path.is_file()}
    run(evaluate, monkeypatch, "a")
    assert {path: path.read_bytes() for path in (project / "models").rglob("*") if path.is_file()} == before


def test_test_tokens_of_another_vocabulary_are_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train, monkeypatch, "a")
    path = project / "data" / "tokenized" / "plain" / "test.parquet"
    table = read_arrow(path)
    metadata = json.loads(table.schema.metadata[b"finesent"]) | {"tokenizer": "0" * 64}
    write_arrow(path, table.replace_schema_metadata({b"finesent": json.dumps(metadata).encode()}))
    with pytest.raises(FinesentError, match="tokenizer"):
        run(evaluate, monkeypatch, "a")
    assert not (project / "predictions").exists()


def test_a_seed_without_a_model_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(train, monkeypatch, "a")
    shutil.rmtree(project / "models" / "a" / "1")
    with pytest.raises(FinesentError, match=r"models/a/1"):
        run(evaluate, monkeypatch, "a")


@pytest.mark.parametrize("stage", [train, evaluate])
def test_a_stage_without_its_ablation_says_so(
    stage: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FinesentError, match="needs the name"):
        run(stage, monkeypatch)
    with pytest.raises(FinesentError, match="unknown ablation 'b'"):
        run(stage, monkeypatch, "b")


def test_cuda_asked_for_and_absent_ends_the_stage_before_it_writes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = YAML(typ="safe").load(project / "params.yaml")
    params["train"]["device"] = "cuda"
    YAML().dump(params, project / "params.yaml")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(FinesentError, match="no CUDA device"):
        run(train, monkeypatch, "a")
    assert not (project / "models").exists()
    assert not (project / "plots").exists()


def test_missing_tokens_name_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "data" / "tokenized" / "plain" / "dev.parquet").unlink()
    with pytest.raises(FinesentError, match=r"plain/dev\.parquet"):
        run(train, monkeypatch, "a")


def launch(project: Path, count: int) -> None:
    """Train in ``count`` processes, as a user starts them."""
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    environment.pop("COV_CORE_SOURCE", None)
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone"]
    done = subprocess.run(
        [*command, "-m", "stages.train", "a"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_processes_train_what_one_does(project: Path) -> None:
    params = YAML(typ="safe", pure=True).load(project / "params.yaml")
    params["train"]["precision"] = "float32"
    # Dropout differs between processes; without it, all that differs is the order of additions.
    params["defaults"]["head"]["dropout"] = 0.0
    params["seeds"] = [3]
    with (project / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    heads, accuracies = [], []
    for count in (1, 2):
        launch(project, count)
        with (project / "plots" / "a" / "history.csv").open() as file:
            accuracies.append([row["train_accuracy"] for row in csv.DictReader(file)])
        heads.append(load_file(project / "models" / "a" / "3" / "head.safetensors"))
        assert not list((project / ".work").glob("*/3"))
    assert all(torch.allclose(heads[0][name], heads[1][name], atol=1e-5) for name in heads[0])
    assert accuracies[0] == accuracies[1]
