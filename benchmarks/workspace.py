"""A project of the benchmark's own below .work, so that nobody's data/ or params.yaml is touched."""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from finesent.errors import FinesentError
from finesent.files import replacing, write_json
from finesent.params.ablation import read_ablation
from finesent.params.overlay import lay_over
from finesent.params.reading import PARAMS
from finesent.params.study import check_study
from finesent.params.tokenize import read_input
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".work" / "bench"

# The whole training split, one seed, and the least that makes a study: a frozen ablation and a tuned one.
_TRAINING: dict[str, Any] = {
    "seeds": [0],
    "transfer": {},
    "panel": None,
    "raters": None,
    "sample": {"train_size": None},
    "ablations": {
        "baseline": {"input": "plain", "epochs": 2},
        "tuned": {"input": "plain", "unfreeze": {"policy": "all", "after": 1}, "epochs": 2},
    },
    "claims": [],
}
# The recipe of the write-up on Amazon reviews; near duplicates, which nobody else looks for, are left out.
_REVIEWS: dict[str, Any] = {
    "dataset": "reviews",
    "backbone": "none",
    **{key: _TRAINING[key] for key in ("transfer", "panel", "raters", "sample", "claims")},
    "clean": {"recipe": "reviews", "near_duplicates": None},
}
_WORDS = 2000


def stage(folder: Path, name: str, *arguments: str) -> None:
    """Run a stage in a project.

    Raises:
        FinesentError: it failed; its own message is the problem.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{name}", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FinesentError(
            f"stages.{name} in {folder}", (done.stderr or done.stdout).strip()[-2000:], "see there"
        )


def training_project(dataset: str, folder: Path = WORK) -> Path:
    """Return a project with the tokens of a whole data set; download is done once and kept.

    Raises:
        FinesentError: the data set cannot be had, or a stage failed.
    """
    project = folder / dataset
    _write_project(project, _TRAINING | {"dataset": dataset})
    if not (project / "data" / "backbone").exists():
        stage(project, "download")
    for name, *arguments in (("clean",), ("sample",), ("tokenize", "plain")):
        stage(project, name, *arguments)
    return project


def first_project(datasets: Sequence[str], folder: Path = WORK) -> Path:
    """Return the project of the first data set that can be had.

    Raises:
        FinesentError: none can; says why of each.
    """
    problems = []
    for dataset in datasets:
        try:
            return training_project(dataset, folder)
        except FinesentError as error:
            problems.append(f"{dataset}: {error.problem}")
    raise FinesentError(
        "benchmarks", "\n".join(problems), "connect to the network, or set FINESENT_MIRROR to a copy"
    )


def default_project(rows: int | None, folder: Path = WORK) -> Path:
    """Return a project of the default study, ready to train, with what its ablations are as JSON.

    ``ablations.json`` is for who does not read params.yaml: seeds, and by name an ablation with its defaults
    filled in and the input that it reads.

    Args:
        rows: of the training split; None takes as many as the default study does.
        folder: of the benchmark's projects.

    Raises:
        FinesentError: the data cannot be had, or a stage failed.
    """
    project = folder / "default"
    _write_project(project, {} if rows is None else {"sample": {"train_size": rows}})
    params = read_yaml(project / PARAMS)
    if not (project / "data" / "backbone").exists():
        stage(project, "download")
    for name, *arguments in (("clean",), ("sample",), *(("tokenize", name) for name in params["inputs"])):
        stage(project, name, *arguments)
    ablations = {}
    for name in params["ablations"]:
        ablation = read_ablation(name, project / PARAMS)
        shown = read_input(ablation.input, project / PARAMS)
        ablations[name] = {"ablation": ablation.model_dump(), "input": shown.model_dump()}
    write_json(project / "ablations.json", {"seeds": list(params["seeds"]), "ablations": ablations})
    return project


def reviews_project(rows: int, folder: Path = WORK) -> Path:
    """Return a project with so many made-up reviews as a user's own csv file, downloaded and not cleaned."""
    project = folder / f"reviews-{rows}"
    local = project / "data" / "local"
    local.mkdir(parents=True, exist_ok=True)
    if not (local / "reviews.csv").exists():
        write_reviews(local / "reviews.csv", rows)
    # Download wants a backbone, of which cleaning reads nothing.
    write_json(local / "config.json", {})
    _write_project(project, _REVIEWS)
    shared = {"title": "made up", "licence": "none", "sources": [{"kind": "local"}]}
    reviews = {"default": {"format": "csv", "files": {"all": {"path": "reviews.csv"}}}}
    nothing = {"default": {"files": [{"path": "config.json"}]}}
    labels = ["1", "2", "3", "4", "5"]
    # JSON is YAML.
    write_json(
        project / "catalog" / "datasets.yaml", {"reviews": {**shared, "labels": labels, "layouts": reviews}}
    )
    write_json(
        project / "catalog" / "backbones.yaml", {"none": {**shared, "parameters": "0", "layouts": nothing}}
    )
    stage(project, "download")
    return project


def write_reviews(path: Path, rows: int, seed: int = 0) -> None:
    """Write a csv file of made-up reviews: about 80 words, some mark-up, one in 20 a copy, one in 200 empty.

    The words are drawn with frequencies that fall as 1 / rank, as those of any language do.
    """
    drawn = random.Random(seed)
    words = ["".join(drawn.choices("etaoinshrdlu", k=drawn.randint(2, 9))) for _ in range(_WORDS)]
    frequencies = [1 / rank for rank in range(1, _WORDS + 1)]
    before: list[str] = []
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label"])
        for number in range(rows):
            if number % 200 == 199:
                text = "<br />"
            elif number % 20 == 19:
                text = drawn.choice(before)
            else:
                chosen = drawn.choices(words, frequencies, k=drawn.randint(20, 140))
                text = " ".join(chosen).capitalize() + f".<br /><br />It's worth {number} US-$ &amp; more!"
                before.append(text)
            writer.writerow([text, drawn.randrange(5)])


def _write_project(project: Path, changes: dict[str, Any]) -> None:
    """Write params.yaml and the catalog of a project; what it already has of data stays."""
    params = lay_over(read_yaml(ROOT / "params.yaml"), changes)
    check_study(params, f"params.yaml of {project}")
    write_params(project, params)
    with replacing(project / "catalog") as copy:
        shutil.copytree(ROOT / "catalog", copy)


def write_params(project: Path, params: dict[str, Any]) -> None:
    """Write params.yaml of a project."""
    with replacing(project / PARAMS) as temporary, temporary.open("w", encoding="utf-8") as file:
        YAML(pure=True).dump(params, file)
