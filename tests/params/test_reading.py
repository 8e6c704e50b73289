"""A stage reads the keys that it declares, fully checked, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.errors import FinesentError
from finesent.params.clean import CleanParams
from finesent.params.download import DownloadParams
from finesent.params.evaluate import EvaluateParams
from finesent.params.reading import block_of, merged, read_params
from finesent.params.sample import SampleParams
from finesent.params.train import TrainParams
from finesent.validation import Block

Spoil = Callable[..., Path]

STAGES: list[tuple[type[Block], set[str]]] = [
    (DownloadParams, {"dataset", "transfer", "panel", "backbone"}),
    (CleanParams, {"dataset", "transfer", "panel", "clean"}),
    (SampleParams, {"dataset", "sample"}),
    (TrainParams, {"dataset", "seeds", "train"}),
    (EvaluateParams, {"dataset", "seeds", "evaluate"}),
]

blocks = st.recursive(
    st.integers() | st.none(),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=10,
)
mappings = st.dictionaries(st.sampled_from("abcd"), blocks, max_size=4)


@pytest.mark.parametrize(("model", "own"), STAGES)
def test_keys_of_other_stages_do_not_matter(spoil: Spoil, model: type[Block], own: set[str]) -> None:
    sound = read_params(model, spoil())
    path = spoil()
    content = json.loads(path.read_text())
    garbage = {key: [{"no": "sense"}] for key in content if key not in own}
    path.write_text(json.dumps({**content, **garbage, "unheard-of": 1}))
    assert read_params(model, path) == sound
    path.write_text(json.dumps({key: content[key] for key in own}))
    assert read_params(model, path) == sound


@pytest.mark.parametrize(("model", "own"), STAGES)
def test_each_own_key_matters(spoil: Spoil, model: type[Block], own: set[str]) -> None:
    for key in sorted(own):
        with pytest.raises(FinesentError, match=f"params.yaml: {key}: missing"):
            read_params(model, spoil(key))
        with pytest.raises(FinesentError, match=f"params.yaml: {key}: "):
            read_params(model, spoil(key, 3.5))


@pytest.mark.parametrize(
    ("model", "key", "value", "problem"),
    [
        (CleanParams, "clean.recipe", "review", "clean.recipe: .*'none' or 'reviews', found \"review\""),
        (CleanParams, "clean.repeated_in_train", True, "clean.repeated_in_train: .*found true"),
        (CleanParams, "clean.strip", 1, "clean.strip: unknown key"),
        (SampleParams, "sample.train_size", 0, "sample.train_size: .*found 0"),
        (SampleParams, "sample.train_size", "500", 'sample.train_size: .*found "500"'),
        (SampleParams, "sample.train_size", 0.5, r"sample.train_size: .*found 0\.5"),
        (SampleParams, "sample.balance", "oversample", "sample.balance: .*'downsample'"),
        (SampleParams, "sample.length_bins", 0, "sample.length_bins: "),
        (SampleParams, "sample.length_bins", 101, "sample.length_bins: "),
        (SampleParams, "sample.seed", -1, "sample.seed: "),
        (SampleParams, "sample.size", 3, "sample.size: unknown key"),
        (TrainParams, "train.device", "gpu", "train.device: .*'cuda', found \"gpu\""),
        (TrainParams, "train.precision", "fp16", "train.precision: "),
        (TrainParams, "train.micro_batch", 0, "train.micro_batch: "),
        (TrainParams, "train.epochs", 3, "train.epochs: unknown key"),
        (TrainParams, "seeds", [], "seeds: "),
        (TrainParams, "seeds", [0, 1, 0], "seeds: a seed stands twice"),
        (TrainParams, "seeds", [0, -1], r"seeds\.1: "),
        (TrainParams, "seeds", [2**32], r"seeds\.0: .*less than 4294967296"),
        (TrainParams, "seeds", [0.5], r"seeds\.0: "),
        (TrainParams, "seeds", [True], r"seeds\.0: "),
        (TrainParams, "seeds", 3, "seeds: "),
        (EvaluateParams, "seeds", [1, 1], "seeds: a seed stands twice"),
        (EvaluateParams, "evaluate.batch_tokens", 63, "evaluate.batch_tokens: "),
        (EvaluateParams, "evaluate.split", "test", "evaluate.split: unknown key"),
        (DownloadParams, "dataset", ["sst5"], "dataset: "),
    ],
)
def test_bad_value_is_told_by_its_key(
    spoil: Spoil, model: type[Block], key: str, value: Any, problem: str
) -> None:
    with pytest.raises(FinesentError, match=problem) as caught:
        read_params(model, spoil(key, value))
    assert caught.value.place.endswith("params.yaml")


@pytest.mark.parametrize("seeds", [[0], [2**32 - 1, 0], [5, 3, 4]])
def test_seeds_are_kept_as_written(spoil: Spoil, seeds: list[int]) -> None:
    assert read_params(TrainParams, spoil("seeds", seeds)).seeds == seeds


def test_params_yaml_of_the_working_folder_is_read(spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spoil().parent)
    assert read_params(DownloadParams).dataset == "mine"


def test_merging_goes_into_mappings_and_replaces_the_rest() -> None:
    base = {"a": {"b": 1, "c": {"d": 2, "e": 3}}, "f": [1, 2], "g": {"h": 1}}
    override = {"a": {"c": {"e": 4}}, "f": [3], "g": None, "i": {"j": 5}}
    assert merged(base, override) == {
        "a": {"b": 1, "c": {"d": 2, "e": 4}},
        "f": [3],
        "g": None,
        "i": {"j": 5},
    }


@given(base=mappings, override=mappings)
def test_merging_keeps_every_value_of_the_override_and_changes_no_argument(
    base: dict[str, Any], override: dict[str, Any]
) -> None:
    before = json.dumps([base, override])
    result = merged(base, override)
    assert json.dumps([base, override]) == before
    assert set(result) == set(base) | set(override)
    assert merged(result, override) == result
    assert merged(base, {}) == base
    assert merged({}, override) == override
    assert all(result[key] == base[key] for key in base if key not in override)


@pytest.mark.parametrize("content", [{}, {"inputs": None}, {"inputs": []}, {"inputs": "plain"}])
def test_block_that_is_no_mapping_is_named(content: dict[str, Any]) -> None:
    with pytest.raises(FinesentError, match=r"params\.yaml: inputs: must be a mapping"):
        block_of(content, "inputs", Path("params.yaml"))
