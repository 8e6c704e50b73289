"""The train and evaluate stages, run in a folder of their own on a tiny backbone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
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
LEARNING: dict[str, Any] = {"unfreeze": {"policy": "all", "after": 1}, "epochs": 3}
# The encoder learns first, from a loss that encodes other rows beside each; the head after it.
IN_PHASES: dict[str, Any] = {
    "epochs": 3,
    "unfreeze": {"policy": "all", "after": 0},
    "losses": {"triplet": {"weight": 1.0}},
    "learning_rate": {"backbone": 2e-4},
    "phases": [
        {"losses": ["triplet"], "epochs": 1},
        {"losses": ["cross-entropy"], "frozen": True, "epochs": 2},
    ],
}


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
        "train": {"device": "cpu", "precision": "bf16", "micro_batch": None, "checkpoint_seconds": 0},
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


def change_params(project: Path, **changes: Any) -> None:
    """Set blocks of params.yaml, each over what it was."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load(project / "params.yaml")
    for key, value in changes.items():
        params[key] = params[key] | value if isinstance(value, dict) else value
    with (project / "params.yaml").open("w") as file:
        yaml.dump(params, file)


def begin(project: Path, *launcher: str) -> subprocess.Popen[str]:
    """Start the train stage of ablation a, as a user does."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    environment.pop("COV_CORE_SOURCE", None)
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "stages.train", "a"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for a stage that ends well, and return what it printed."""
    told, errors = process.communicate(timeout=240)
    assert process.returncode == 0, told + errors
    return told + errors


def dropout_free() -> dict[str, Any]:
    """Blocks of params under which any number of processes differ in the order of additions alone."""
    return {
        "train": {"precision": "float32"},
        "defaults": {"head": {"kind": "linear-tanh-linear", "dropout": 0.0}},
        "seeds": [3],
    }


def history(project: Path) -> list[dict[str, str]]:
    with (project / "plots" / "a" / "history.csv").open() as file:
        return list(csv.DictReader(file))


# The hinge of the triplets and Adam's first steps make more of rounding, as they do of micro-batches in one
# process: about a hundredth of what the first phase does to the head, which is 1e-2.
@pytest.mark.parametrize(
    ("changes", "rounding"),
    [({}, 1e-5), (LEARNING, 1e-5), (IN_PHASES, 1e-3)],
    ids=["frozen", "learning", "phases"],
)
def test_two_processes_train_what_one_does(project: Path, changes: dict[str, Any], rounding: float) -> None:
    change_params(project, **dropout_free(), ablations={"a": ABLATION | changes})
    config = project / "data" / "backbone" / "config.json"
    without = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    config.write_text(json.dumps(json.loads(config.read_text()) | without))
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    heads, histories = [], []
    for count, launcher in ((1, ()), (2, ()), (1, torchrun)):
        change_params(project, train={"processes": count})
        told = ended(begin(project, *launcher))
        assert told.count("train a: dev accuracy seed 3") == 1
        histories.append(history(project))
        heads.append(load_file(project / "models" / "a" / "3" / "head.safetensors"))
        assert not list((project / ".work").glob("*/3"))
    for other in heads[1:]:
        assert all(torch.allclose(heads[0][name], other[name], atol=rounding) for name in other)
    for other in histories[1:]:
        assert [row["train_accuracy"] for row in other] == [row["train_accuracy"] for row in histories[0]]
        for name in ("dev_accuracy", "dev_macro_f1", "dev_loss", "train_loss"):
            wanted = [float(row[name]) for row in histories[0]]
            assert [float(row[name]) for row in other] == pytest.approx(wanted, abs=1e-3)


def test_processes_are_refused_where_a_loss_compares_the_rows_of_a_batch(project: Path) -> None:
    contrastive = {"unfreeze": {"policy": "all", "after": 0}, "losses": {"scl": {"weight": 0.5}}}
    change_params(project, train={"processes": 2}, ablations={"a": ABLATION | contrastive})
    stage = begin(project)
    told, errors = stage.communicate(timeout=240)
    assert stage.returncode == 1, told + errors
    assert "ablations.a.losses.scl: compares the rows of a batch, and train.processes would cut it" in errors
    assert not (project / "models").exists()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_others_and_the_run_goes_on_later(project: Path, victim: int) -> None:
    change_params(project, **dropout_free())
    change_params(project, train={"processes": 2})
    change_params(project, ablations={"a": ABLATION | {"epochs": 40}})
    stage = begin(project)
    while not list((project / ".work").glob("*/3/epoch-*")):
        time.sleep(0.05)
        assert stage.poll() is None
    by_rank = {child.environ().get("RANK"): child for child in psutil.Process(stage.pid).children()}
    by_rank[str(victim)].kill()
    told, errors = stage.communicate(timeout=240)
    assert stage.returncode == 1, told + errors
    assert f"error: stages.train a: process {victim + 1} of 2: ended with SIGKILL" in errors
    assert "Traceback" not in errors.split("error: stages.train")[1]
    assert not any(child.is_running() for child in by_rank.values())
    assert not (project / "models" / "a").exists()
    assert "a seed 3: going on after epoch" in ended(begin(project))
    assert len(history(project)) == 40


def test_a_mistake_in_every_process_is_one_failure(project: Path) -> None:
    change_params(project, train={"processes": 2})
    (project / "data" / "tokenized" / "plain" / "dev.parquet").unlink()
    stage = begin(project)
    _, errors = stage.communicate(timeout=240)
    assert stage.returncode == 1
    assert "dev.parquet" in errors
    assert "ended with exit code 1, and the others were stopped" in errors
