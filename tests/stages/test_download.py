"""The download stage, from params.yaml to data/raw and data/backbone."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from finesent.errors import FinesentError
from stages.download import main

REPOSITORY = Path(__file__).parents[2]

DATASETS = """
mine:
  title: Mine
  licence: my own
  labels: [bad, good]
  rows: {all: 2}
  layouts:
    default:
      format: csv
      files:
        all: {path: reviews.csv}
  sources:
    - {kind: local}
other:
  title: Other
  licence: my own
  labels: [bad, good]
  histogram: {all: [1, 0]}
  layouts:
    default:
      format: csv
      files:
        all: {path: other.csv}
  sources:
    - {kind: local}
"""
BACKBONES = """
tiny:
  title: Tiny
  licence: my own
  parameters: "1"
  layouts:
    default:
      files:
        - {path: config.json}
  sources:
    - {kind: local}
"""
PARAMS = """
dataset: mine
transfer: {transfer}
panel: {panel}
backbone: tiny
more: ignored
"""
EMBEDDINGS = """
tiny-vectors:
  title: Tiny
  licence: my own
  dimensions: 2
  layouts:
    default:
      format: text
      files:
        vectors: {path: vectors.txt}
  sources:
    - {kind: local}
"""
FURTHER = "{{a: {{dataset: {0}, classes: [2], rows: null}}, b: {{dataset: {0}, classes: [2], rows: 1}}}}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a data set and a backbone of the user's own."""
    monkeypatch.delenv("FINESENT_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "datasets.yaml").write_text(DATASETS)
    (tmp_path / "catalog" / "backbones.yaml").write_text(BACKBONES)
    (tmp_path / "params.yaml").write_text(PARAMS.format(transfer="{}", panel="null"))
    (tmp_path / "data" / "local").mkdir(parents=True)
    (tmp_path / "data" / "local" / "reviews.csv").write_text("text,label\nfine,1\nawful,0\n")
    (tmp_path / "data" / "local" / "other.csv").write_text("text,label\nso so,0\n")
    (tmp_path / "data" / "local" / "config.json").write_text("{}")
    return tmp_path


def test_both_entries_are_fetched_and_told_in_one_line(project: Path) -> None:
    assert main() == "mine: all 2 rows, 0.0 MB from local; tiny: 0.0 MB from local"
    assert (project / "data" / "raw" / "reviews.csv").read_text() == "text,label\nfine,1\nawful,0\n"
    assert (project / "data" / "backbone" / "config.json").read_text() == "{}"


def test_a_sample_in_a_mirror_is_told_and_recorded_as_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = "      files:\n        all: {path: head.csv}\n"
    entries = DATASETS.replace("  sources:", f"    sample:\n      format: csv\n{sample}  sources:", 1)
    (project / "catalog" / "datasets.yaml").write_text(entries)
    (project / "m" / "mine").mkdir(parents=True)
    (project / "m" / "mine" / "head.csv.gz").write_bytes(gzip.compress(b"text,label\nfine,1\nbad,0\n"))
    monkeypatch.setenv("FINESENT_MIRROR", str(project / "m"))
    assert main().startswith("mine: all 2 rows, 0.0 MB from mirror (layout sample); ")
    source = json.loads((project / "data" / "raw" / "source.json").read_text())
    assert (source["layout"], list(source["files"])) == ("sample", ["head.csv"])


def test_there_is_a_folder_for_further_data_even_without_any(project: Path) -> None:
    main()
    assert list((project / "data" / "others").iterdir()) == []


def test_further_data_are_fetched_once_each(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS.format(transfer=FURTHER.format("other"), panel="other"))
    assert main().count("other: all 1 rows, 0.0 MB from local") == 1
    assert sorted(path.name for path in (project / "data").iterdir()) == [
        "backbone",
        "embeddings",
        "local",
        "others",
        "raw",
    ]
    assert (project / "data" / "others" / "other" / "other.csv").read_text() == "text,label\nso so,0\n"


@pytest.mark.parametrize(
    ("transfer", "panel", "problem"),
    [
        (
            FURTHER.format("othre"),
            "null",
            "transfer.a.dataset .*unknown data set 'othre' .did you mean 'other'",
        ),
        ("{}", "othre", "panel .*unknown data set 'othre' .did you mean 'other'"),
        (FURTHER.format("mine"), "null", "transfer.a.dataset: 'mine' is the study's own data set"),
        (
            "{a: {dataset: other, classes: [5], rows: null}}",
            "null",
            "transfer.a.classes: cannot be scored at 5",
        ),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_fetched(
    project: Path, transfer: str, panel: str, problem: str
) -> None:
    (project / "params.yaml").write_text(PARAMS.format(transfer=transfer, panel=panel))
    with pytest.raises(FinesentError, match=problem):
        main()
    assert sorted(path.name for path in (project / "data").iterdir()) == ["local"]


def test_further_data_that_are_not_as_published_leave_those_of_the_last_run(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS.format(transfer="{}", panel="other"))
    main()
    (project / "data" / "local" / "other.csv").write_text("text,label\nso so,1\n")
    with pytest.raises(FinesentError, match=r"other \(layout default\): all has \[0, 1\] rows by label"):
        main()
    assert (project / "data" / "others" / "other" / "other.csv").read_text() == "text,label\nso so,0\n"
    assert sorted(path.name for path in (project / "data").iterdir()) == [
        "backbone",
        "embeddings",
        "local",
        "others",
        "raw",
    ]


def test_running_again_gives_the_same_bytes(project: Path) -> None:
    main()
    first = (project / "data" / "raw" / "source.json").read_bytes()
    main()
    assert (project / "data" / "raw" / "source.json").read_bytes() == first


def test_a_bad_row_ends_the_stage_and_leaves_nothing(project: Path) -> None:
    (project / "data" / "local" / "reviews.csv").write_text("text,label\nfine,1\nawful,9\n")
    done = subprocess.run(
        [sys.executable, "-m", "stages.download"],
        env={"PYTHONPATH": str(REPOSITORY)},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: reviews.csv, row 2, column label: the label '9'" in done.stderr
    assert "remedy: " in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (project / "data").iterdir()) == ["local"]


def test_too_few_rows_end_the_stage(project: Path) -> None:
    (project / "data" / "local" / "reviews.csv").write_text("text,label\nfine,1\n")
    with pytest.raises(FinesentError, match=r"mine \(layout default\): all has 1 rows, expected 2"):
        main()


def test_word_vectors_are_fetched_where_the_study_names_them(project: Path) -> None:
    (project / "catalog" / "embeddings.yaml").write_text(EMBEDDINGS)
    (project / "data" / "local" / "vectors.txt").write_text("good 1 2\n")
    params = PARAMS.format(transfer="{}", panel="null")
    (project / "params.yaml").write_text(params + "embeddings: tiny-vectors\n")
    assert main().endswith("; tiny-vectors: 0.0 MB from local")
    folder = project / "data" / "embeddings"
    assert sorted(path.name for path in folder.iterdir()) == ["source.json", "vectors.txt"]
    # Named no longer, they go: what lies there is what the study reads.
    (project / "params.yaml").write_text(params + "embeddings:\n")
    assert "tiny-vectors" not in main()
    assert list(folder.iterdir()) == []


def test_unknown_word_vectors_are_refused_before_anything_is_fetched(project: Path) -> None:
    (project / "catalog" / "embeddings.yaml").write_text(EMBEDDINGS)
    params = PARAMS.format(transfer="{}", panel="null")
    (project / "params.yaml").write_text(params + "embeddings: tiny-vector\n")
    with pytest.raises(
        FinesentError, match=r"unknown word vectors 'tiny-vector' .did you mean 'tiny-vectors'"
    ):
        main()
    assert sorted(path.name for path in (project / "data").iterdir()) == ["local"]
