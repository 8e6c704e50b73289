"""The whole of params.yaml is checked before the pipeline starts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.errors import FinesentError
from finesent.params import check
from finesent.params.ablation import read_ablation
from finesent.params.overlay import lay_over
from finesent.params.study import check_study, read_study
from finesent.params.tokenize import read_input
from finesent.yaml_files import read_yaml

REPOSITORY = Path(__file__).parents[2]

Spoil = Callable[..., Path]

BLOCKS = [
    "",
    "clean.",
    "sample.",
    "inputs.plain.",
    "train.",
    "defaults.",
    "ablations.baseline.",
    "evaluate.",
    "compare.",
]


def test_the_sound_study_is_read(spoil: Spoil) -> None:
    study = read_study(spoil())
    assert list(study.ablations) == ["baseline", "after-n"]
    assert study.compare.baseline == "baseline"
    assert study.seeds == [0, 1]


def test_what_a_stage_reads_is_what_was_checked(spoil: Spoil) -> None:
    path = spoil()
    study = read_study(path)
    assert {name: read_ablation(name, path) for name in study.ablations} == study.ablations
    assert {name: read_input(name, path) for name in study.inputs} == study.inputs


@pytest.mark.parametrize("block", BLOCKS)
def test_unknown_key_is_refused_in_every_block(spoil: Spoil, block: str) -> None:
    with pytest.raises(FinesentError, match="unheard_of: unknown key"):
        read_study(spoil(f"{block}unheard_of", 1))


@pytest.mark.parametrize(
    "key",
    [
        "dataset",
        "backbone",
        "seeds",
        "clean",
        "clean.recipe",
        "sample.seed",
        "inputs",
        "inputs.plain.template",
        "train",
        "evaluate.device",
        "compare.baseline",
        "compare.seed",
        "ablations.baseline.input",
    ],
)
def test_missing_key_is_named(spoil: Spoil, key: str) -> None:
    with pytest.raises(FinesentError, match=f"{key}: missing"):
        read_study(spoil(key))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (
            "ablations.baseline.input",
            "plian",
            r"ablations\.baseline\.input: 'plian' is not in \['plain', 'prompt'\]",
        ),
        ("compare.baseline", "base", r"compare\.baseline: 'base' is not in \['after-n', 'baseline'\]"),
        ("compare.confidence", 1, r"compare\.confidence: "),
        ("compare.confidence", 0.5, r"compare\.confidence: "),
        ("compare.resamples", 99, r"compare\.resamples: "),
        ("compare.seed", "0", r"compare\.seed: "),
        ("compare.recurring", {}, r"compare\.recurring\.min_words: missing"),
        ("compare.recurring", {"min_words": 0}, r"compare\.recurring\.min_words: "),
        ("ablations.baseline.epochs", 0, r"ablations\.baseline\.epochs: "),
        ("ablations.after-n.epochs", 3, r"ablations\.after-n: unfreeze.after=3 leaves no epoch of 3"),
        ("ablations.baseline", None, r"ablations\.baseline: "),
        ("ablations", {}, r"compare\.baseline: 'baseline' is not in \[\]"),
        ("ablations", [], "must be mappings"),
        ("defaults", "x", "must be mappings"),
        ("seeds", [1, 1], "seeds: a seed stands twice"),
        ("inputs.plain.template", "{txt}", r"inputs\.plain\.template: must hold \{text\} exactly once"),
    ],
)
def test_bad_value_is_told_by_its_key(spoil: Spoil, key: str, value: Any, problem: str) -> None:
    path = spoil(key, value)
    with pytest.raises(FinesentError, match=problem) as caught:
        read_study(path)
    assert caught.value.place == str(path)


IMPOSSIBLE = ["", "-a", "After", "a b", "a/b", "../a", "a_b", "a.b", "é", "a\n"]


@pytest.mark.parametrize("name", ["clean", "comparison", *IMPOSSIBLE])
def test_reserved_and_impossible_ablation_names_are_refused(spoil: Spoil, name: str) -> None:
    path = spoil("ablations", {"baseline": {"input": "plain"}, name: {"input": "plain"}})
    with pytest.raises(FinesentError, match=f"ablations.{re.escape(name)}: needs a name of a-z, 0-9 and '-'"):
        read_study(path)


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_input_names_are_refused(spoil: Spoil, name: str) -> None:
    inputs = json.loads(spoil().read_text())["inputs"]
    path = spoil("inputs", {**inputs, name: inputs["plain"]})
    with pytest.raises(FinesentError, match=f"inputs.{re.escape(name)}: needs a name of a-z, 0-9 and '-'"):
        read_study(path)


@pytest.mark.parametrize("name", ["a", "0", "after-3", "cleaner", "2-epochs"])
def test_other_names_are_fine(spoil: Spoil, name: str) -> None:
    assert name in read_study(spoil(f"ablations.{name}", {"input": "plain"})).ablations


def test_ablations_may_say_everything_themselves(spoil: Spoil) -> None:
    complete = read_study(spoil()).ablations["baseline"].model_dump(mode="json")
    path = spoil("ablations", {"baseline": complete})
    content = json.loads(path.read_text())
    del content["defaults"]
    path.write_text(json.dumps(content))
    assert read_study(path).ablations["baseline"].model_dump(mode="json") == complete


def test_the_params_of_this_repository_are_sound() -> None:
    study = read_study(REPOSITORY / "params.yaml")
    assert {"baseline", "after-n", "layerwise", "prompt", "triplet"} <= set(study.ablations)


def test_check_tells_the_size_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    spoil()
    monkeypatch.chdir(tmp_path)
    assert check.main() == "params.yaml is sound: 2 ablations × 2 seeds on mine"


def test_check_passes_on_this_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert check.main().startswith("params.yaml is sound: ")


RECURRENT = {
    "kind": "recurrent",
    "cell": "lstm",
    "bidirectional": True,
    "layers": 1,
    "hidden": 8,
    "dropout": 0.0,
    "embeddings": {"kind": "random", "size": 8},
}


def write_wordy(spoil: Spoil, encoder: dict[str, Any], source: str, embeddings: str | None = None) -> Path:
    """The sound params with an input of words, and one more ablation, of this encoder and input."""
    path = spoil()
    content = json.loads(path.read_text())
    words = {"max_size": 100, "min_count": 2, "lowercase": True}
    content["inputs"]["words"] = {"template": "{text}", "max_length": 64, "words": words}
    content["ablations"]["lstm"] = {
        "input": source,
        "encoder": encoder,
        "unfreeze": {"policy": "all", "after": 0},
    }
    content["embeddings"] = embeddings
    path.write_text(json.dumps(content))
    return path


def test_a_recurrent_encoder_stands_beside_the_backbone(spoil: Spoil) -> None:
    study = read_study(write_wordy(spoil, RECURRENT, "words"))
    assert study.ablations["lstm"].encoder.kind == "recurrent"
    assert study.ablations["baseline"].encoder.kind == "pretrained"
    glove = RECURRENT | {"embeddings": {"kind": "glove", "trained": False}}
    assert read_study(write_wordy(spoil, glove, "words", "glove-50d")).embeddings == "glove-50d"


@pytest.mark.parametrize(
    ("encoder", "source", "problem"),
    [
        (
            RECURRENT,
            "plain",
            "ablations.lstm.encoder: recurrent needs an input with words, and plain has none",
        ),
        (
            {"kind": "pretrained"},
            "words",
            "ablations.lstm.encoder: pretrained needs an input without words, and words has them",
        ),
        (
            RECURRENT | {"embeddings": {"kind": "glove", "trained": True}},
            "words",
            "ablations.lstm.encoder.embeddings: glove needs the name of an entry",
        ),
    ],
)
def test_an_encoder_without_what_it_reads_is_refused(
    spoil: Spoil, encoder: dict[str, Any], source: str, problem: str
) -> None:
    with pytest.raises(FinesentError, match=re.escape(problem)):
        read_study(write_wordy(spoil, encoder, source))


def test_a_study_without_any_pretrained_encoder_names_no_backbone() -> None:
    content = read_yaml(REPOSITORY / "params.yaml")
    assert check_study(content, "params").encoder == "minilm-l6"
    laid = lay_over(content, read_yaml(REPOSITORY / "studies" / "sst5-recurrent.yaml"))
    assert check_study(laid, "laid").encoder == "recurrent encoders"
