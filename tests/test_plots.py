"""The plots that dvc.yaml declares, drawn by DVC from real files at one commit and against another."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from finesent.evaluation.curves import write_plots
from finesent.evaluation.predictions import Predictions, ScoredSplit
from finesent.training.history import EpochRecord, write_history
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]
TEMPLATES = sorted((ROOT / ".dvc" / "plots").glob("*.json"))


def declared() -> dict[str, dict[str, Any]]:
    """The plots of train and evaluate by file, for an ablation called ``a``."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    text = json.dumps([stages[stage]["do"]["plots"] for stage in ("train", "evaluate")])
    plots: dict[str, dict[str, Any]] = {}
    for entries in json.loads(text.replace("${key}", "a")):
        for entry in entries:
            plots |= entry
    return plots


def write_results(folder: Path, skill: float) -> None:
    """What train and evaluate leave for two seeds."""
    generator = np.random.default_rng(0)
    splits = {}
    for name, n in (("dev", 20), ("test", 80)):
        labels = np.arange(n) % 5
        logits = generator.normal(size=(2, n, 5)) + skill * (labels[:, None] == np.arange(5))
        splits[name] = ScoredSplit(
            [f"{name}-{i}" for i in range(n)], labels, labels, logits.astype(np.float32)
        )
    write_plots(folder / "plots" / "a", Predictions("a", "made-up", LABELS, [0, 1], splits))
    records = [
        EpochRecord(
            seed=seed,
            epoch=epoch,
            step=8 * epoch,
            trainable_layers=0,
            learning_rate_head=0.01,
            learning_rate_backbone=0.0,
            train_loss=1.6 / epoch - 0.1 * skill,
            train_accuracy=0.25 * epoch,
            gradient_norm=1.0 / epoch,
            dev_loss=1.7 / epoch,
            dev_accuracy=0.2 * epoch,
            dev_macro_f1=0.19 * epoch,
            seconds=1.0,
            sentences_per_second=100.0,
            parameters=10,
            trainable_parameters=5,
            peak_memory=1000,
            device="cpu",
            precision="float32",
            selected=int(epoch == 3),
        )
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    ]
    write_history(folder / "plots" / "a" / "history.csv", records)


def run(folder: Path, *command: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "GIT_"))}
    environment |= {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def commit(folder: Path) -> None:
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.email=a@b.c", "-c", "user.name=a", "commit", "-qm", "results")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The Vega-Lite specs in the HTML of `dvc plots show` and `dvc plots diff`, by plotted file."""
    folder = tmp_path_factory.mktemp("plots") / "project"
    folder.mkdir()
    run(folder, "git", "init", "-q")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    # Kept in git instead of DVC's cache, so that no stage has to run for them to exist at a commit.
    plots = [{file: {**options, "cache": False}} for file, options in declared().items()]
    stages = {"stages": {"all": {"cmd": "true", "plots": plots}}}
    YAML().dump(stages, folder / "dvc.yaml")
    write_results(folder, skill=0.5)
    commit(folder)
    write_results(folder, skill=2.0)
    commit(folder)
    run(folder, sys.executable, "-m", "dvc", "plots", "show", "-o", "show")
    run(folder, sys.executable, "-m", "dvc", "plots", "diff", "HEAD~1", "HEAD", "-o", "diff")
    return {name: specs(folder / name / "index.html") for name in ("show", "diff")}


def specs(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<div id = "([^"]*)">.*?var spec = (\{.*?\});\s*vegaEmbed', text, re.DOTALL)
    return {name: json.loads(spec) for name, spec in found}


def of(page: dict[str, Any], file: str) -> Any:
    return page[re.sub(r"\W", "_", file)]


def walk(spec: Any) -> Any:
    """Every mapping in a spec."""
    if isinstance(spec, dict):
        yield spec
        for value in spec.values():
            yield from walk(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from walk(value)


def known_fields(spec: Any) -> set[str]:
    """Columns of the data, and what transforms and layers of their own make."""
    fields: set[str] = set()
    for part in walk(spec):
        values = part.get("values")
        if isinstance(values, list) and values and isinstance(values[0], dict):
            fields |= set(values[0])
        made = part.get("as")
        fields |= {made} if isinstance(made, str) else set(made or [])
    return fields


@pytest.mark.parametrize("page", ["show", "diff"])
@pytest.mark.parametrize("file", list(declared()))
def test_dvc_draws_every_declared_plot(file: str, page: str, pages: dict[str, dict[str, Any]]) -> None:
    spec = of(pages[page], file)
    assert "<DVC_METRIC" not in json.dumps(spec)
    revisions = {row["rev"] for row in spec["data"]["values"]}
    assert revisions == ({"workspace"} if page == "show" else {"HEAD~1", "HEAD"})
    fields = known_fields(spec)
    used = {part["field"].replace("\\", "") for part in walk(spec) if isinstance(part.get("field"), str)}
    assert used <= fields
    assert declared()[file]["x"] in fields and declared()[file]["y"] in fields
    assert spec["title"]["text"] == declared()[file]["title"]


def test_the_data_is_whole(pages: dict[str, dict[str, Any]]) -> None:
    assert len(of(pages["show"], "plots/a/confusion.csv")["data"]["values"]) == 2 * 80
    assert len(of(pages["diff"], "plots/a/history.csv")["data"]["values"]) == 2 * 2 * 3


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_template_is_used(template: Path) -> None:
    assert template.stem in {options["template"] for options in declared().values()}


@pytest.mark.parametrize("file", list(declared()))
def test_a_plots_axes_are_columns_of_its_file(file: str, tmp_path: Path) -> None:
    write_results(tmp_path, skill=1.0)
    header = (tmp_path / file).read_text().splitlines()[0].split(",")
    assert {declared()[file]["x"], declared()[file]["y"]} <= set(header)


def test_templates_and_only_known_anchors() -> None:
    anchors = {"DATA", "TITLE", "X", "Y", "X_LABEL", "Y_LABEL", "COLOR", "PLOT_WIDTH", "PLOT_HEIGHT"}
    for template in TEMPLATES:
        found = set(re.findall(r"<DVC_METRIC_(\w+)>", template.read_text(encoding="utf-8")))
        assert {"DATA", "X", "TITLE"} <= found <= anchors | {"ZOOM_AND_PAN"}
