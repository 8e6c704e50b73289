"""The names in params.yaml are looked up in the catalog, every entry of which is well-formed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from finesent.catalog.entries import backbone, dataset
from finesent.catalog.schema import Backbone, Dataset
from finesent.errors import FinesentError
from finesent.params.study import read_study
from finesent.yaml_files import read_yaml

REPOSITORY = Path(__file__).parents[2]
DATASETS = REPOSITORY / "catalog/datasets.yaml"
BACKBONES = REPOSITORY / "catalog/backbones.yaml"

SOUND = """
mine:
  title: Mine
  licence: my own
  labels: [bad, good]
  layouts:
    default:
      format: csv
      files:
        all: {path: reviews.csv}
  sources:
    - {kind: local}
"""


@pytest.mark.parametrize("name", list(read_yaml(DATASETS)))
def test_every_data_set_of_the_catalog_is_sound(name: str) -> None:
    entry = dataset(name, DATASETS)
    for split, counts in (entry.histogram or {}).items():
        assert len(counts) == len(entry.labels)
        assert sum(counts) == (entry.rows or {})[split]
    for layout in entry.layouts.values():
        assert set(layout.files) <= set(entry.rows or layout.files)


@pytest.mark.parametrize("name", list(read_yaml(BACKBONES)))
def test_every_backbone_of_the_catalog_has_config_tokenizer_and_safetensors(name: str) -> None:
    for layout in backbone(name, BACKBONES).layouts.values():
        paths = {file.path for file in layout.all_files()}
        assert {"config.json", "model.safetensors"} <= paths
        assert "tokenizer.json" in paths or {"vocab.json", "merges.txt"} <= paths


def test_params_name_entries_that_exist() -> None:
    study = read_study(REPOSITORY / "params.yaml")
    assert dataset(study.dataset, DATASETS).title
    assert backbone(study.backbone, BACKBONES).title


@pytest.mark.parametrize(
    ("look_up", "path", "wrong", "right", "key"),
    [
        (dataset, DATASETS, "sst-5", "sst5", "dataset"),
        (backbone, BACKBONES, "minilm", "minilm-l6", "backbone"),
    ],
)
def test_unknown_name_offers_the_nearest_and_lists_all(
    look_up: Callable[[str, Path], Dataset | Backbone], path: Path, wrong: str, right: str, key: str
) -> None:
    with pytest.raises(FinesentError, match=f"{wrong}.*did you mean {right!r}") as caught:
        look_up(wrong, path)
    assert caught.value.place.startswith(f"params.yaml: {key}")
    assert all(name in caught.value.remedy for name in read_yaml(path))


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("title: Mine", "titel: Mine", "title: missing; titel: unknown key"),
        ("[bad, good]", "[bad]", "labels: "),
        ("[bad, good]", "[0, 1]", r"labels\.0: "),
        ("format: csv", "format: xlsx", r"layouts\.default\.format: "),
        ("all: {path", "train: {path", r"layouts\.default: files must name train, dev and test"),
        ("all: {path", "valid: {path", r"layouts\.default\.files\.valid"),
        ("all: {path: reviews.csv}", "all: []", r"layouts\.default\.files\.all: .*at least 1 item"),
        (
            "all: {path: reviews.csv}",
            "all: [{path: a}, {path: /b}]",
            r"files\.all\.1: a path must stay inside",
        ),
        ("all: {path: reviews.csv}", "all: [{path: a}, {}]", r"files\.all\.1\.path: missing"),
        ("all: {path: reviews.csv}", "all: [{path: a}, {path: a}]", r"two of its files have the path a"),
        ("all: {path: reviews.csv}", "all: reviews.csv", r"files\.all: .*found .reviews"),
        ("all: {path", "dev: {path: a}\n        test: {path", r"layouts\.default: files must name train"),
        ("format: csv", "format: csv\n      text: []", r"layouts\.default\.text: .*at least 1 item"),
        ("format: csv", "format: csv\n      text: [a, 1]", r"layouts\.default\.text\.1: .*string, found 1"),
        ("format: csv", "format: csv\n      text: 1", r"layouts\.default\.text: .*array, found 1"),
        ("path: reviews.csv", "path: ../reviews.csv", r"files\.all: a path must stay inside"),
        ("path: reviews.csv", "path: /reviews.csv", r"files\.all: a path must stay inside"),
        ("path: reviews.csv", "path: reviews.csv, sha256: abc", r"files\.all\.sha256: "),
        ("{kind: local}", "{kind: local, foldr: x}", r"sources\.0\.foldr: unknown key"),
        ("{kind: local}", "{kind: kaggle}", r"sources\.0\.handle: missing"),
        (
            "{kind: local}",
            "{kind: url, url: https://x/y/, sha256: " + "a" * 64 + "}",
            r"sources\.0.*: a folder has no sha256",
        ),
        ("{kind: local}", "{kind: ftp}", r"sources\.0: .*'kaggle'"),
        ("{kind: local}", "{kind: local, layout: other}", "layout 'other' is not among"),
        ("    - {kind: local}", "    []", "sources: "),
        ("format: csv", "format: csv\n      label_values: [1, 2, 3]", "label_values must have 2 values"),
    ],
)
def test_malformed_entry_is_told_by_its_key(tmp_path: Path, before: str, after: str, problem: str) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(SOUND)
    assert dataset("mine", path).labels == ["bad", "good"]
    assert SOUND.count(before) == 1
    path.write_text(SOUND.replace(before, after))
    with pytest.raises(FinesentError, match=problem) as caught:
        dataset("mine", path)
    assert caught.value.place == f"{path}: mine"


def test_one_file_and_one_column_stand_for_a_list_of_one(tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(SOUND)
    layout = dataset("mine", path).layouts["default"]
    assert [file.path for file in layout.files["all"]] == ["reviews.csv"]
    assert layout.text == ["text"]
    several = SOUND.replace("{path: reviews.csv}", "[{path: a}, {path: b}]").replace(
        "format: csv", "format: csv\n      extras: {trees: {path: c}}\n      text: [title, body]"
    )
    path.write_text(several)
    layout = dataset("mine", path).layouts["default"]
    assert [file.path for file in layout.split_files()] == ["a", "b"]
    assert [file.path for file in layout.all_files()] == ["a", "b", "c"]
    assert layout.text == ["title", "body"]


def test_other_entries_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(SOUND + "broken: [1]\n")
    assert dataset("mine", path).title == "Mine"


def test_malformed_backbone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "backbones.yaml"
    path.write_text(
        "tiny:\n  title: Tiny\n  licence: x\n  parameters: '1'\n"
        "  layouts: {default: {files: [{path: config.json}]}}\n  sources: [{kind: local, layout: x}]\n"
    )
    with pytest.raises(FinesentError, match=r"source local: layout 'x' is not among \['default'\]") as caught:
        backbone("tiny", path)
    assert caught.value.place == f"{path}: tiny"
