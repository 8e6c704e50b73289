"""Studies laid over params.yaml."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finesent.errors import FinesentError
from finesent.params.overlay import lay_over, write_overlaid
from finesent.params.study import read_study
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A copy of the project's params.yaml."""
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml"))


def study_of(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("study", sorted(path.name for path in (ROOT / "studies").glob("*.yaml")))
def test_every_study_of_the_project_is_sound(study: str, params: Path) -> None:
    checked = write_overlaid(ROOT / "studies" / study, params)
    assert read_study(params) == checked
    assert set(checked.ablations) == set(read_yaml(ROOT / "studies" / study)["ablations"])


def test_named_things_are_replaced_and_settings_merged(tmp_path: Path, params: Path) -> None:
    before = read_study(params)
    content = (
        "ablations: {only: {input: plain}}\ncompare: {baseline: only}\nclaims: []\ndefaults: {epochs: 2}\n"
    )
    after = write_overlaid(study_of(tmp_path, content), params)
    assert list(after.ablations) == ["only"]
    assert after.ablations["only"].epochs == 2
    assert after.ablations["only"].batch == before.ablations["after-n"].batch
    assert after.compare == before.compare.model_copy(update={"baseline": "only"})
    assert (after.transfer, after.dataset) == (before.transfer, before.dataset)


def test_another_kind_of_encoder_takes_no_key_of_the_old() -> None:
    old = {"defaults": {"encoder": {"kind": "pretrained", "mix_layers": 2}, "pooling": "mean"}}
    laid = lay_over(old, {"defaults": {"encoder": {"kind": "recurrent"}}})
    assert laid == {"defaults": {"encoder": {"kind": "recurrent"}, "pooling": "mean"}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("ablations: {only: {input: plain}}", "compare.baseline: 'baseline' is not in"),
        ("defaults: {epoch: 2}", r"ablations\.baseline\.epoch: unknown key"),
        ("seeds: 3", "seeds"),
        ("{defaults: {input: plain}, ablations: {one: {epochs: 2}}}", r"one\.input: missing; defaults"),
    ],
)
def test_an_unsound_study_names_both_files_and_changes_nothing(
    content: str, problem: str, tmp_path: Path, params: Path
) -> None:
    before = params.read_bytes()
    study = study_of(tmp_path, content)
    with pytest.raises(FinesentError, match=problem) as caught:
        write_overlaid(study, params)
    assert caught.value.place.startswith(f"{params} with {study}")
    assert params.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [params, study]
