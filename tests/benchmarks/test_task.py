"""Ours and the peers get the same rows, and ours learns from them as the peers do."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.engine import recipe, train, work_of
from benchmarks.recipe import BATCH, LEARNING_RATE
from benchmarks.task import Task, encoder_weights, tell
from finesent.data.tables import write_rows
from finesent.models.encoder import load_encoder
from tests.conftest import make_rows, write_backbone, write_tokens

TRAIN, DEV = 160, 25


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What download, clean, sample and tokenize would have left, small."""
    folder = tmp_path_factory.mktemp("data")
    backbone = write_backbone(folder / "backbone")
    write_tokens(folder / "tokenized" / "plain", backbone, {"train": TRAIN, "dev": DEV})
    write_rows(folder / "sampled" / "train.parquet", make_rows(TRAIN, seed=0))
    write_rows(folder / "clean" / "dev.parquet", make_rows(DEV, seed=1))
    return folder


def test_texts_and_tokens_are_of_the_same_rows(data: Path) -> None:
    task = Task(data, seed=3, rows=20, epochs=1)
    table = task.take(pq.read_table(data / "tokenized" / "plain" / "train.parquet"))
    texts, labels = task.train()
    assert labels == table["label"].to_pylist()
    # The tiny tokenizer makes a token of each word, between two of its own.
    assert [len(text.split()) + 2 for text in texts] == [len(ids) for ids in table["input_ids"].to_pylist()]
    assert work_of(task, "plain") == (20, sum(len(text.split()) + 2 for text in texts))


def test_rows_depend_on_the_seed_and_never_repeat() -> None:
    table = pa.table({"row": list(range(50))})
    first, again, other = (Task(Path(), seed, 10, 1).take(table)["row"].to_pylist() for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 10
    for rows in (None, 50, 99):
        assert sorted(Task(Path(), 0, rows, 1).take(table)["row"].to_pylist()) == list(range(50))


def test_the_recipe_is_the_peers() -> None:
    ablation = recipe(epochs=2)
    assert ablation.batch.sentences == BATCH
    assert ablation.learning_rate.head == ablation.learning_rate.backbone == LEARNING_RATE
    assert (ablation.schedule.shape, ablation.schedule.warmup, ablation.weight_decay) == ("linear", 0, 0)


def test_ours_trains_whole_epochs_of_every_seed(data: Path) -> None:
    runs = train(Task(data, seed=4, rows=64, epochs=2), recipe(2), seeds=2)
    assert [len(epochs) for epochs in runs] == [2, 2]
    for epoch in (epoch for epochs in runs for epoch in epochs):
        assert math.isfinite(epoch.seconds) and epoch.seconds > 0
        assert epoch.dev_accuracy * DEV == pytest.approx(round(epoch.dev_accuracy * DEV))


def test_embeddings_are_no_weights_that_are_multiplied(data: Path) -> None:
    encoder = load_encoder(data / "backbone")
    width, inner, layers = 16, 32, 2
    maps = 4 * (width * width + width) + 2 * width * inner + inner + width
    norms = 2 * 2 * width
    assert encoder_weights(encoder.named_parameters()) == layers * (maps + norms)


def test_the_figures_are_of_the_last_epoch_and_the_first_apart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.task.ceiling", lambda: 1e6)
    told = tell(sentences=10, tokens=200, seconds=[4.0, 2.0], weights=100, dev_accuracy=0.5)
    assert json.loads(capsys.readouterr().out) == told
    assert (told["first_speed"], told["speed"], told["training_seconds"]) == (2.5, 5, 6)
    # 6 operations, 100 weights, 200 tokens, 2 seconds, of a million a second.
    assert told["share_of_ceiling"] == pytest.approx(0.06)
