"""The compare stage over files as evaluate and train write them, and --against over a real repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from finesent.data.tables import write_arrow, write_rows
from finesent.errors import FinesentError
from finesent.evaluation.predictions import Predictions, ScoredSplit, TransferScored, write_predictions
from stages import compare

ROOT = Path(__file__).parents[2]
ABLATIONS = ("baseline", "after-n", "layerwise", "prompt", "triplet")
LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]

Run = Callable[..., str]


def write_ablation(name: str, skill: float, seeds: tuple[int, ...] = (0, 1, 2), **changes: Any) -> None:
    """Write the two files of one ablation into the current folder."""
    splits = {}
    for split, n in (("dev", 50), ("test", changes.get("test_n", 80))):
        labels = np.random.default_rng(n).integers(0, 5, n)
        noise = np.random.default_rng([n, len(name)]).normal(size=(len(seeds), n, 5))
        logits = (noise + skill * np.eye(5)[labels]).astype(np.float32)
        splits[split] = ScoredSplit([f"{split}-{i}" for i in range(n)], labels, np.arange(n) % 20 + 1, logits)
    tweets = TransferScored("vader-tweets", "Tweets", LABELS, [5, 3, 2], 4, splits["dev"])
    predictions = Predictions(
        changes.get("says", name),
        changes.get("dataset", "vader-movies"),
        LABELS,
        list(seeds),
        splits,
        changes.get("transfer", {"tweets": tweets}),
    )
    write_predictions(Path(f"predictions/{name}.parquet"), predictions)
    history = Path(f"plots/{name}/history.csv")
    history.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{seed},{epoch},{skill + 1},100" for seed in seeds for epoch in (1, 2)]
    history.write_text("\n".join(["seed,epoch,seconds,sentences_per_second", *rows, ""]))


def write_data(test_n: int = 80) -> None:
    """Write what download, clean and sample leave for compare."""
    for name in ("raw", "backbone"):
        source = Path(f"data/{name}/source.json")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(json.dumps({"name": name, "layout": "sample", "files": {"a.txt": "0" * 64}}))
    test = pd.DataFrame({"id": [f"test-{i}" for i in range(test_n)]})
    test["text"] = [f"<b>text</b> number {i}" for i in range(test_n)]
    test["label"] = np.random.default_rng(80).integers(0, 5, test_n)
    write_rows(Path("data/clean/test.parquet"), test)
    train = pd.DataFrame({"id": ["train-1"], "text": ["text number 1"], "label": [0]})
    write_rows(Path("data/sampled/train.parquet"), train)
    panel = {"id": ["test-1"], "split": ["test"], "ratings": [[1, 2, 4]], "second_label": [None]}
    second = pa.field("second_label", pa.int64())
    schema = pa.schema(
        [("id", pa.string()), ("split", pa.string()), ("ratings", pa.list_(pa.int64())), second]
    )
    write_arrow(Path("data/clean/panel.parquet"), pa.table(panel, schema=schema))
    pair = {
        "kind": "near",
        "first_split": "train",
        "first_id": "train-1",
        "first_label": 0,
        "first_text": "text number 1",
        "second_split": "test",
        "second_id": "test-1",
        "second_label": 1,
        "second_text": "text number 1.",
        "similarity": 0.9,
    }
    write_arrow(Path("data/clean/duplicates.parquet"), pa.Table.from_pylist([pair]))
    write_recurring({})
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/data.json").write_text(json.dumps({"rows": {"test": test_n}}))


def write_recurring(words: dict[str, int], test_n: int = 80) -> None:
    """Write of how many words the longest phrase of train in each test item is; 0 where not given."""
    ids = [f"test-{i}" for i in range(test_n)]
    columns = {"id": ids, "split": ["test"] * test_n, "words": [words.get(item, 0) for item in ids]}
    write_arrow(Path("data/clean/recurring.parquet"), pa.table(columns))


def edit_params(change: Callable[[dict[str, Any]], None]) -> None:
    yaml = YAML()
    content = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    change(content)
    with Path("params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


def remove(name: str) -> Any:
    """Take an ablation out of params.yaml, with the claims that name it."""
    removed = []

    def change(content: dict[str, Any]) -> None:
        removed.append(content["ablations"].pop(name))
        content["claims"] = [
            claim for claim in content["claims"] if name not in (claim["better"], claim["than"])
        ]

    edit_params(change)
    return removed[0]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study folder with the root's params and catalog, few resamples, and all predictions."""
    folder = tmp_path / "study"
    (folder / "catalog").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("published.yaml", "datasets.yaml"):
        shutil.copy(ROOT / "catalog" / name, folder / "catalog")
    monkeypatch.chdir(folder)
    edit_params(lambda content: content["compare"].update(resamples=200))
    edit_params(lambda content: content.update(dataset="vader-movies", backbone="minilm-l6", seeds=[0, 1, 2]))
    tweets = {"dataset": "vader-tweets", "classes": [5, 3, 2], "rows": None}
    edit_params(lambda content: content.update(transfer={"tweets": tweets}))
    write_data()
    for index, name in enumerate(ABLATIONS):
        write_ablation(name, 0.5 + index)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["compare", *arguments])
        return compare.main()

    return call


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


@pytest.fixture
def committed(study: Path, run: Run) -> Path:
    """The study compared and committed on the branch ``start``, then changed and compared again."""
    run()
    git("init", "--quiet", "--initial-branch=start")
    git("add", "params.yaml", "metrics")
    git("commit", "--quiet", "-m", "first")
    git("tag", "v1")
    write_ablation("after-n", 3.0)
    run()
    return study


def test_writes_report_and_metrics(study: Path, run: Run) -> None:
    message = run()
    report = json.loads(Path("report/comparison.json").read_text(encoding="utf-8"))
    metrics = json.loads(Path("metrics/comparison.json").read_text(encoding="utf-8"))
    assert tuple(report["ablations"]) == tuple(metrics) == ABLATIONS
    assert list(metrics["after-n"]) == [
        "test_accuracy",
        "test_macro_f1",
        "test_mae",
        "test_quadratic_kappa",
        "dev_accuracy",
        "dev_macro_f1",
        "gain_test_accuracy",
    ]
    assert "gain_test_accuracy" not in metrics["baseline"]
    gain = metrics["after-n"]["test_accuracy"] - metrics["baseline"]["test_accuracy"]
    assert metrics["after-n"]["gain_test_accuracy"] == pytest.approx(gain, abs=2e-6)
    cost = report["ablations"]["after-n"]["cost"]
    assert (cost["seconds_per_seed"], cost["seconds"]) == (5.0, 15.0)
    assert (report["test_n"], report["dev_n"], report["resampled"]) == (80, 50, "seeds and items")
    table = Path("report/comparison.md").read_text(encoding="utf-8")
    assert message.startswith(table)
    assert message.endswith("compare: 5 ablations × 3 seeds, see report/index.html")
    assert [claim["better"] for claim in report["claims"]] == [
        "after-n",
        "layerwise",
        "after-n",
        "prompt",
        "prompt",
    ]
    assert [row["name"] for row in report["ceiling"]] == ["one held-out rater", "half of the panel"]
    assert report["near_duplicates_in_test"] == 1
    assert report["transfer"]["tweets"]["shared_with_train"] == 4
    assert sorted(path.name for path in Path("report").iterdir()) == [
        "changes.parquet",
        "comparison.json",
        "comparison.md",
        "index.html",
        "items.parquet",
    ]
    assert len(pd.read_parquet("report/items.parquet")) == 5 * 80
    assert sorted(path.name for path in study.iterdir()) == [
        "catalog",
        "data",
        "metrics",
        "params.yaml",
        "plots",
        "predictions",
        "report",
    ]


def test_running_again_gives_the_same_bytes(study: Path, run: Run) -> None:
    run()
    before = snapshot(study)
    Path("report/stale.txt").write_text("from another version")
    run()
    assert snapshot(study) == before


def test_scores_without_the_items_that_hold_a_long_phrase(study: Path, run: Run) -> None:
    write_recurring({"test-0": 5, "test-1": 4, "test-2": 3})
    edit_params(lambda content: content["compare"].update(recurring={"min_words": 4}))
    text = run()
    report = json.loads(Path("report/comparison.json").read_text(encoding="utf-8"))
    assert report["recurring"] == {"min_words": 4, "n": 2}
    items = pd.read_parquet("report/items.parquet").query("ablation == 'after-n'")
    for block, gone in (("test", []), ("without_recurring", ["test-0", "test-1"])):
        kept = items[~items["id"].isin(gone)]
        expected = kept["seeds_right"].mean() / 3
        assert report["ablations"]["after-n"][block]["accuracy"]["mean"] == pytest.approx(expected, abs=1e-6)
    assert "2 of 80 test sentences share a phrase of 4 words or more" in text
    assert "without long phrases of train" in Path("report/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [{}, {"test-0": 5}], ids=["no trees", "not asked for"])
def test_nothing_is_said_of_phrases_without_trees_or_unasked(
    study: Path, run: Run, words: dict[str, int]
) -> None:
    write_recurring(words)
    if words:
        edit_params(lambda content: content["compare"].update(recurring=None))
    assert "train's trees" not in run()
    report = json.loads(Path("report/comparison.json").read_text(encoding="utf-8"))
    assert report["recurring"] is None and report["ablations"]["prompt"]["without_recurring"] is None


@pytest.mark.parametrize("missing", ["predictions/prompt.parquet", "plots/prompt/history.csv"])
def test_missing_files_name_the_command_and_write_nothing(study: Path, run: Run, missing: str) -> None:
    Path(missing).unlink()
    with pytest.raises(FinesentError, match="missing") as error:
        run()
    assert error.value.place == missing
    assert "dvc repro evaluate@prompt" in error.value.remedy
    assert not Path("report").exists() and not Path("metrics/comparison.json").exists()


def test_what_is_left_of_removed_ablations_is_ignored(study: Path, run: Run) -> None:
    remove("triplet")
    Path("predictions/focal.parquet").write_text("garbage")
    message = run()
    assert message.endswith(
        "4 ablations × 3 seeds, see report/index.html; ignored what is left of focal, triplet"
    )
    assert "triplet" not in json.loads(Path("metrics/comparison.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"test_n": 79}, "not scored on the same test items"),
        ({"seeds": (0, 1)}, r"has the seeds \[0, 1\], and params.yaml says \[0, 1, 2\]"),
        ({"dataset": "sst5"}, "is on sst5, and params.yaml says vader-movies"),
        ({"says": "prompt"}, "holds the ablation 'prompt'"),
        ({"transfer": {}}, r"has the transfer sets \[\], and params.yaml has \['tweets'\]"),
    ],
)
def test_predictions_that_do_not_belong_together(
    study: Path, run: Run, changes: dict[str, Any], problem: str
) -> None:
    write_ablation("layerwise", 1.0, **changes)
    with pytest.raises(FinesentError, match=problem) as error:
        run()
    assert "dvc repro evaluate@layerwise" in error.value.remedy


def test_a_history_of_other_seeds_is_refused(study: Path, run: Run) -> None:
    Path("plots/prompt/history.csv").write_text("seed,epoch,seconds,sentences_per_second\n0,1,1,1\n")
    with pytest.raises(FinesentError, match=r"history.csv: has the seeds \[0\]"):
        run()


def test_unsound_params_are_refused_before_anything_is_read(study: Path, run: Run) -> None:
    edit_params(lambda content: content["train"].update(devise="cpu"))
    shutil.rmtree("predictions")
    with pytest.raises(FinesentError, match="devise: unknown key"):
        run()


def test_one_seed(study: Path, run: Run) -> None:
    edit_params(lambda content: content.update(seeds=[7]))
    for name in ABLATIONS:
        write_ablation(name, 1.0, seeds=(7,))
    text = run()
    assert "with one seed it says nothing about other seeds" in text
    assert "there is no sign-flip test" in text
    assert json.loads(Path("report/comparison.json").read_text(encoding="utf-8"))["resampled"] == "items"


@pytest.mark.parametrize("revision", ["start", "v1", "HEAD", "short"])
def test_against_a_branch_tag_or_commit(committed: Path, run: Run, revision: str) -> None:
    revision = git("rev-parse", "--short", "HEAD") if revision == "short" else revision
    before = snapshot(committed)
    text = run("--against", revision)
    assert f"Δ accuracy since {revision}" in text
    assert "its predictions are not in DVC's cache" in text
    old = json.loads(git("show", "HEAD:metrics/comparison.json"))["after-n"]["test_accuracy"]
    new = json.loads(Path("metrics/comparison.json").read_text(encoding="utf-8"))["after-n"]["test_accuracy"]
    row = next(line for line in text.splitlines() if line.startswith("| after-n"))
    assert f"{100 * (new - old):+.2f}" in row
    assert snapshot(committed) == before


def test_against_in_a_folder_below_the_repository(study: Path, run: Run) -> None:
    run()
    os.chdir(study.parent)
    git("init", "--quiet")
    git("add", "study/metrics")
    git("commit", "--quiet", "-m", "first")
    os.chdir(study)
    assert "+0.00" in run("--against", "HEAD")


def test_against_says_what_is_new_and_gone(committed: Path, run: Run) -> None:
    block = remove("triplet")
    edit_params(lambda content: content["ablations"].update(focal=block))
    write_ablation("focal", 1.0)
    run()
    text = run("--against", "v1")
    assert "focal: new since v1." in text
    assert "triplet: gone since v1." in text


def test_against_several_revisions_in_other_formats(committed: Path, run: Run) -> None:
    git("commit", "--quiet", "-a", "-m", "second")
    text = run("--against", "v1", "HEAD", "--format", "csv")
    assert [line.split(",")[1] for line in text.splitlines()[1:9:4]] == ["v1", "v1"]
    assert {line.split(",")[1] for line in text.splitlines()[1:]} == {"v1", "HEAD"}
    content = json.loads(run("--against", "v1", "HEAD", "--format", "json"))
    assert {change["change"] for change in content["changes"] if change["revision"] == "HEAD"} == {0.0}


def experiment(name: str, start: str) -> str:
    """Make a commit under the ref that DVC gives an experiment."""
    commit = git("commit-tree", "HEAD^{tree}", "-p", start, "-m", f"experiment {name} {start}")
    git("update-ref", f"refs/exps/{start[:2]}/{start[2:]}/{name}", commit)
    return commit


def test_against_an_experiment_by_name(committed: Path, run: Run) -> None:
    experiment("muddy-bass", git("rev-parse", "HEAD"))
    assert "since muddy-bass" in run("--against", "muddy-bass")


def test_against_an_experiment_name_used_twice(committed: Path, run: Run) -> None:
    first = git("rev-parse", "HEAD")
    experiment("twice", first)
    git("commit", "--quiet", "--allow-empty", "-m", "second")
    experiment("twice", git("rev-parse", "HEAD"))
    assert "since twice" in run("--against", "twice")
    git("commit", "--quiet", "--allow-empty", "-m", "third")
    with pytest.raises(FinesentError, match=f"several experiments have that name.*{first[:7]}"):
        run("--against", "twice")


@pytest.mark.parametrize("revision", ["nothing", "--upload-pack=x", "HEAD:metrics", "exec/EXEC_HEAD"])
def test_against_a_revision_that_is_none(committed: Path, run: Run, revision: str) -> None:
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    with pytest.raises(FinesentError, match="no commit, branch, tag or DVC experiment"):
        run(f"--against={revision}")


def test_against_a_revision_before_the_metrics(committed: Path, run: Run) -> None:
    git("checkout", "--quiet", "--orphan", "bare")
    git("read-tree", "--empty")
    git("commit", "--quiet", "--allow-empty", "-m", "nothing yet")
    with pytest.raises(FinesentError, match="holds no such file") as error:
        run("--against", "bare")
    assert error.value.place == "bare:metrics/comparison.json"


@pytest.mark.parametrize(("content", "problem"), [("{", "not valid JSON"), ('{"a": 1}', "does not map")])
def test_against_a_revision_with_a_broken_file(committed: Path, run: Run, content: str, problem: str) -> None:
    sound = Path("metrics/comparison.json").read_text(encoding="utf-8")
    Path("metrics/comparison.json").write_text(content)
    git("commit", "--quiet", "-a", "-m", "broken")
    Path("metrics/comparison.json").write_text(sound, encoding="utf-8")
    with pytest.raises(FinesentError, match=problem):
        run("--against", "HEAD")


def test_against_outside_a_repository(study: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(study.parent))
    with pytest.raises(FinesentError, match="not a git repository"):
        run("--against", "HEAD")


def test_against_without_git(committed: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FinesentError, match="git was not found"):
        run("--against", "HEAD")


@pytest.mark.parametrize("missing", ["metrics/comparison.json", "report/comparison.json"])
def test_against_needs_the_present_comparison(committed: Path, run: Run, missing: str) -> None:
    Path(missing).unlink()
    with pytest.raises(FinesentError, match="missing") as error:
        run("--against", "HEAD")
    assert "dvc repro" in error.value.remedy


def test_against_refuses_a_report_of_another_version(committed: Path, run: Run) -> None:
    Path("report/comparison.json").write_text('{"rows": []}')
    with pytest.raises(FinesentError, match="rows: unknown key") as error:
        run("--against", "HEAD")
    assert "dvc repro" in error.value.remedy


def test_against_refuses_metrics_of_another_run(committed: Path, run: Run) -> None:
    git("checkout", "--quiet", "metrics/comparison.json")
    with pytest.raises(FinesentError, match="not from the same run"):
        run("--against", "HEAD")


def test_runs_as_a_module_without_heavy_imports(study: Path) -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['compare']\n"
        "runpy.run_module('stages.compare', run_name='__main__')\n"
        "heavy = {'torch', 'transformers', 'datasets', 'dvc'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| baseline" in done.stdout
