"""Which rows an epoch trains on, what they weigh, and that nothing changes where there are no phrases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from finesent.data.phrase_sampling import add_phrases
from finesent.data.tables import write_arrow
from finesent.data.tokenization import encoding_of, load_tokenizer, tokenize
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.errors import FinesentError
from finesent.params.tokenize import Input
from finesent.training.phases import Phases
from tests.conftest import make_rows
from tests.training.helpers import hashes, history, make_ablation, timeless, train

SENTENCES, PHRASES = 40, 60
EVERYTHING = {"policy": "all", "after": 1}


def write_split(folder: Path, backbone: Path, weight: float | None, split: str = "train") -> None:
    """Write sentences and, with a weight, phrases that follow them."""
    rows = make_rows(SENTENCES, seed=1)
    if weight is not None:
        rows = add_phrases(rows, make_rows(PHRASES, seed=2).assign(kind="phrase", weight=weight))
    rules, tokenizer = Input(template="{text}", max_length=32), load_tokenizer(backbone)
    table, _ = tokenize(pd.DataFrame(rows), rules, tokenizer)
    write_arrow(folder / f"{split}.parquet", encoding_of("plain", rules, tokenizer).attach(table))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> dict[str, Path]:
    """Tokenized splits whose train has no phrases, light ones and ones that weigh as much as a sentence."""
    made = {}
    for name, weight in {"without": None, "light": 0.25, "full": 1.0}.items():
        made[name] = tmp_path_factory.mktemp(name)
        write_split(made[name], backbone, weight)
        write_split(made[name], backbone, None, "dev")
    return made


def rows_of(split: TokenizedSplit) -> list[tuple[str, list[int]]]:
    return [
        (identifier, split.tokens[start:end].tolist())
        for identifier, start, end in zip(split.ids, split.offsets[:-1], split.offsets[1:], strict=True)
    ]


def phases(folder: Path, *by_epoch: Any) -> Phases:
    return Phases(read_tokens(folder / "train.parquet"), list(by_epoch), "place")


def test_each_epoch_gets_its_rows(folders: dict[str, Path]) -> None:
    whole = read_tokens(folders["light"] / "train.parquet")
    cut = phases(folders["light"], "phrases+sentences", "phrases", "sentences", "sentences")
    assert [len(cut.split(epoch)) for epoch in (1, 2, 3, 4)] == [100, 60, 40, 40]
    assert rows_of(cut.split(1)) == rows_of(whole)
    assert rows_of(cut.split(2)) == rows_of(whole)[SENTENCES:]
    assert rows_of(cut.split(3)) == rows_of(whole)[:SENTENCES]
    assert cut.split(3).labels.tolist() == whole.labels[:SENTENCES].tolist()
    assert cut.split(3).weights is None
    assert cut.split(2).weights is not None and set(cut.split(2).weights.tolist()) == {0.25}
    assert [cut.rows_after(epoch) for epoch in range(5)] == [240, 140, 80, 40, 0]
    features = torch.arange(100)
    assert cut.of(features, 1) is features
    assert cut.of(features, 2).tolist() == list(range(40, 100))
    assert cut.of(features, 3).tolist() == list(range(40))


def test_sentences_alone_are_as_if_there_had_never_been_phrases(folders: dict[str, Path]) -> None:
    cut, without = phases(folders["light"], "sentences"), phases(folders["without"], "sentences")
    for name, value in vars(without.train).items():
        found = getattr(cut.train, name)
        if isinstance(value, np.ndarray):
            assert found.dtype == value.dtype
            assert found.tobytes() == value.tobytes(), name
        else:
            assert found == value, name


@pytest.mark.parametrize("rows", ["phrases", "phrases+sentences"])
def test_phrases_that_are_not_there_are_refused(folders: dict[str, Path], rows: str) -> None:
    with pytest.raises(FinesentError, match="the training rows have no phrases") as caught:
        phases(folders["without"], rows, "sentences")
    assert caught.value.place == "place"


def test_a_run_on_sentences_gives_the_same_weights_beside_phrases(
    folders: dict[str, Path], tmp_path: Path, backbone: Path
) -> None:
    ablation = make_ablation(epochs=2, unfreeze=EVERYTHING)
    for name in ("without", "light"):
        train(tmp_path / name, folders[name], backbone, ablation, [3])
    assert hashes(tmp_path / "without" / "models") == hashes(tmp_path / "light" / "models")
    assert timeless(tmp_path / "without") == timeless(tmp_path / "light")


PHASES = [{"rows": "phrases+sentences", "epochs": 2}, {"rows": "sentences", "epochs": 1}]


def test_steps_follow_the_rows_of_each_phase_frozen_or_not(
    folders: dict[str, Path], tmp_path: Path, backbone: Path
) -> None:
    # Batches of 8: 13 steps of 100 rows twice, and 5 of 40; the first epoch runs on cached features.
    ablation = make_ablation(epochs=3, unfreeze=EVERYTHING, phases=PHASES)
    train(tmp_path, folders["light"], backbone, ablation, [3])
    assert [int(row["step"]) for row in history(tmp_path)] == [13, 26, 31]


def test_the_weight_of_phrases_changes_the_model(
    folders: dict[str, Path], tmp_path: Path, backbone: Path
) -> None:
    ablation = make_ablation(epochs=3, unfreeze=EVERYTHING, phases=PHASES)
    for name in ("light", "full"):
        train(tmp_path / name, folders[name], backbone, ablation, [3])
    assert hashes(tmp_path / "light" / "models") != hashes(tmp_path / "full" / "models")


def test_patience_waits_for_the_last_phase(folders: dict[str, Path], tmp_path: Path, backbone: Path) -> None:
    late = [{"rows": "phrases+sentences", "epochs": 4}, {"rows": "sentences", "epochs": 2}]
    still = {"head": 1e-12, "backbone": 1e-12}
    ablation = make_ablation(epochs=6, phases=late, patience=1, learning_rate=still)
    train(tmp_path, folders["light"], backbone, ablation, [3])
    assert [int(row["epoch"]) for row in history(tmp_path)] == [1, 2, 3, 4, 5, 6]
    plain = make_ablation(epochs=6, patience=1, learning_rate=still)
    train(tmp_path / "plain", folders["light"], backbone, plain, [3])
    assert len(history(tmp_path / "plain")) == 2
