"""Runs with a recurrent encoder: a start for every seed, no stale vocabulary, no stale features."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from finesent.data.transfer import write_transfer_index
from finesent.data.vocabulary import VOCABULARY, read_vocabulary
from finesent.errors import FinesentError
from finesent.evaluation.scoring import score_models
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine
from finesent.models.recurrent import RecurrentNetwork
from finesent.models.saving import load_dev_logits
from finesent.training.ablation import train_ablation
from finesent.training.setup import Paths
from finesent.training.streams import torch_stream
from tests.conftest import TELLING, write_tokens
from tests.training.helpers import make_ablation, make_params, make_paths
from tests.training.wordy import recurrent, write_words

SIZES = {"train": 60, "dev": 25, "test": 25}
GLOVE = {"kind": "glove", "trained": False}
ALL = {"policy": "all", "after": 0}


@pytest.fixture
def words(tmp_path: Path) -> Path:
    (tmp_path / "tokens").mkdir()
    return write_words(tmp_path / "tokens", SIZES)


def train(root: Path, tokens: Path, backbone: Path, seeds: list[int], **changes: Any) -> Paths:
    paths = make_paths(root, tokens, backbone)
    settings = {"encoder": recurrent(), "unfreeze": ALL, "epochs": 2} | changes
    train_ablation("a", make_ablation(**settings), make_params(seeds), 5, paths)
    return paths


def score(paths: Paths, tokens: Path, seeds: list[int]) -> np.ndarray:
    (tokens / "transfer").mkdir(exist_ok=True)
    write_transfer_index(tokens / "transfer", {})
    engine = Engine(torch.device("cpu"), "float32")
    scored = score_models("a", "tiny", TELLING, seeds, paths.models, tokens, engine, 256)
    return scored.splits["test"].logits


@pytest.mark.parametrize("after", [0, 2])
def test_every_seed_starts_from_and_keeps_an_encoder_of_its_own(
    tmp_path: Path, words: Path, backbone: Path, after: int
) -> None:
    policy = {"policy": "all", "after": after}
    paths = train(tmp_path, words, backbone, [0, 1], unfreeze=policy, epochs=3)
    first, second = (load_encoder(paths.models / str(seed) / "encoder") for seed in (0, 1))
    assert isinstance(first, RecurrentNetwork)
    assert not (paths.models / "encoder").exists()
    assert not torch.equal(first.embeddings.weight, second.embeddings.weight)
    again = train(tmp_path / "again", words, backbone, [1], unfreeze=policy, epochs=3)
    for file in ("encoder/model.safetensors", "head.safetensors"):
        alone, together = (load_file(p.models / "1" / file) for p in (again, paths))
        assert all(torch.equal(alone[key], together[key]) for key in together), file
    assert np.array_equal(load_dev_logits(again.models / "1", 25), load_dev_logits(paths.models / "1", 25))


def test_a_best_epoch_before_the_unfreezing_keeps_the_first_weights(
    tmp_path: Path, words: Path, backbone: Path
) -> None:
    paths = train(
        tmp_path,
        words,
        backbone,
        [0, 1],
        unfreeze={"policy": "all", "after": 2},
        # At such rates weights move and no answer does, so the first of equal epochs is kept.
        learning_rate={"head": 1e-9, "backbone": 1e-5},
        select="accuracy",
        epochs=3,
    )
    assert pd.read_csv(paths.history)["selected"].tolist() == [1, 0, 0, 1, 0, 0]
    for seed in (0, 1):
        kept = load_encoder(paths.models / str(seed) / "encoder")
        assert isinstance(kept, RecurrentNetwork)
        first = RecurrentNetwork(kept.params, kept.vocabulary, 8)
        first.initialise(torch_stream(seed, "encoder"))
        assert torch.equal(kept.embeddings.weight, first.embeddings.weight)


def test_what_is_scored_is_what_was_trained(tmp_path: Path, words: Path, backbone: Path) -> None:
    paths = train(tmp_path, words, backbone, [0, 1])
    # Dev takes the place of test, so that the logits that training saw are the answer.
    shutil.copy(words / "dev.parquet", words / "test.parquet")
    logits = score(paths, words, [0, 1])
    for seed in (0, 1):
        assert np.allclose(logits[seed], load_dev_logits(paths.models / str(seed), 25), atol=1e-6)


def test_a_recurrent_encoder_learns(tmp_path: Path, backbone: Path) -> None:
    (tmp_path / "tokens").mkdir()
    tokens = write_words(tmp_path / "tokens", {"train": 320, "dev": 50, "test": 5})
    paths = train(
        tmp_path,
        tokens,
        backbone,
        [0],
        encoder=recurrent("gru", dropout=0.0),
        pooling="max",
        learning_rate={"head": 0.01, "backbone": 0.02},
        epochs=3,
    )
    history = pd.read_csv(paths.history)
    # Chance is 0.2.
    assert history["dev_accuracy"].max() >= 0.7
    assert (history["trainable_parameters"] == history["parameters"]).all()


def test_word_vectors_stay_or_learn_as_params_say(tmp_path: Path, words: Path, backbone: Path) -> None:
    vocabulary = read_vocabulary(words / "words" / VOCABULARY)
    row = vocabulary.words.index("good")
    kept = {}
    for trained in (False, True):
        encoder = recurrent(embeddings={"kind": "glove", "trained": trained})
        paths = train(tmp_path / str(trained), words, backbone, [0], encoder=encoder)
        loaded = load_encoder(paths.models / "0" / "encoder")
        assert isinstance(loaded, RecurrentNetwork)
        kept[trained] = loaded.embeddings.weight[row].tolist()
        history = pd.read_csv(paths.history)
        frozen = history["parameters"] - history["trainable_parameters"]
        assert (frozen == (0 if trained else 6 * len(vocabulary))).all()
    # The fixture's vector of the fourth telling word.
    assert kept[False] == [4.0] * 6
    assert kept[True] != [4.0] * 6


def test_top_down_unfreezing_takes_a_recurrent_layer_at_a_time(
    tmp_path: Path, words: Path, backbone: Path
) -> None:
    policy = {"policy": "top-down", "after": 1, "every": 1}
    for embeddings, depths in ((GLOVE, [0, 1, 2, 2]), ({"kind": "random", "size": 4}, [0, 1, 2, 3])):
        encoder = recurrent(layers=2, embeddings=embeddings)
        paths = train(tmp_path / "runs", words, backbone, [0], encoder=encoder, unfreeze=policy, epochs=4)
        assert pd.read_csv(paths.history)["trainable_layers"].tolist() == depths


def test_a_model_refuses_tokens_of_another_vocabulary(tmp_path: Path, words: Path, backbone: Path) -> None:
    # What once cost a published study thirty points: a new vocabulary, and a model of the old one.
    paths = train(tmp_path, words, backbone, [0])
    assert score(paths, words, [0]).shape == (1, 25, 5)
    before = read_vocabulary(words / "words" / VOCABULARY)
    write_words(words, SIZES, vocabulary_seed=9)
    after = read_vocabulary(words / "words" / VOCABULARY)
    assert sorted(after.words) == sorted(before.words)
    assert after.words != before.words
    with pytest.raises(FinesentError, match="was trained on tokens with tokenizer="):
        score(paths, words, [0])


def test_a_vocabulary_that_was_swapped_inside_a_model_is_refused(
    tmp_path: Path, words: Path, backbone: Path
) -> None:
    paths = train(tmp_path, words, backbone, [0])
    (tmp_path / "other").mkdir()
    other = write_words(tmp_path / "other", SIZES, vocabulary_seed=9)
    shutil.copy(other / "words" / VOCABULARY, paths.models / "0" / "encoder" / VOCABULARY)
    with pytest.raises(
        FinesentError, match="vocabulary is not the one that its training tokens were made with"
    ):
        score(paths, words, [0])


def test_a_vocabulary_beside_the_wrong_tokens_is_refused(tmp_path: Path, words: Path, backbone: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_words(tmp_path / "other", SIZES, vocabulary_seed=9)
    shutil.copy(other / "words" / VOCABULARY, words / "words" / VOCABULARY)
    with pytest.raises(FinesentError, match="is not the vocabulary that the training tokens were made with"):
        train(tmp_path, words, backbone, [0])
    assert not (tmp_path / "models").exists()


def test_an_encoder_is_refused_the_tokens_of_the_other_kind(
    tmp_path: Path, words: Path, tokens: Path, backbone: Path
) -> None:
    with pytest.raises(FinesentError, match=r"inputs.plain: holds the backbone's tokens, which a recurrent"):
        train(tmp_path, tokens, backbone, [0])
    with pytest.raises(FinesentError, match=r"inputs.plain: holds words, which a pretrained"):
        train(tmp_path, words, backbone, [0], encoder={"kind": "pretrained"})


def test_missing_word_vectors_are_named(tmp_path: Path, words: Path, backbone: Path) -> None:
    (words / "words" / "vectors.safetensors").unlink()
    with pytest.raises(FinesentError, match="the word vectors cannot be read"):
        train(tmp_path, words, backbone, [0], encoder=recurrent(embeddings=GLOVE))


def test_mixing_more_layers_than_there_are_is_refused(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    with pytest.raises(FinesentError, match="3 layers are to be mixed, and the backbone has 2"):
        train(tmp_path, tokens, backbone, [0], encoder={"kind": "pretrained", "mix_layers": 3})


@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": "attention"},
        {"pooling": "none", "head": {"kind": "bigru", "dropout": 0.0, "hidden": 4}},
        {"encoder": {"kind": "pretrained", "mix_layers": 2}},
    ],
)
def test_a_reader_that_learns_on_a_frozen_encoder_is_never_read_from_a_cache(
    tmp_path: Path, backbone: Path, changes: dict[str, Any]
) -> None:
    tokens = write_tokens(tmp_path / "tokens", backbone, SIZES)
    frozen = {"encoder": {"kind": "pretrained"}, "unfreeze": {"policy": "never"}} | changes
    paths = train(tmp_path, tokens, backbone, [0, 1], **frozen)
    # One encoder serves both seeds, and each has a reader of its own.
    assert (paths.models / "encoder").exists()
    weights = [load_file(paths.models / str(seed) / "head.safetensors") for seed in (0, 1)]
    reader = [name for name in weights[0] if name.startswith("reader.")]
    assert reader
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in reader)
    shutil.copy(tokens / "dev.parquet", tokens / "test.parquet")
    logits = score(paths, tokens, [0, 1])
    for seed in (0, 1):
        assert np.allclose(logits[seed], load_dev_logits(paths.models / str(seed), 25), atol=1e-6)
