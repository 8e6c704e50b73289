"""Scoring frozen models on test and further test sets: exactly what each model says, at the least cost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finesent.data.tables import read_arrow, write_arrow
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.data.transfer import TransferInfo, write_transfer_index
from finesent.errors import FinesentError
from finesent.evaluation import scoring
from finesent.evaluation.predictions import Predictions
from finesent.evaluation.scoring import score_models
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.heads import initialise
from finesent.models.saving import Description, load_classifier, save_dev_logits, save_encoder, save_head
from finesent.params.ablation import Head
from tests.conftest import TELLING, write_tokens

ENGINE = Engine(torch.device("cpu"), "float32")
HEAD = Head(kind="linear-tanh-linear", dropout=0.1)
SEEDS = [0, 1, 2]


@pytest.fixture
def data(tmp_path: Path, tokens: Path, backbone: Path) -> Path:
    """Tokens of dev, test and two further test sets; a third lies there that no index names."""
    folder = tmp_path / "tokens"
    shutil.copytree(tokens, folder)
    write_tokens(folder / "transfer", backbone, {"sst": 12, "amazon": 9, "left-over": 5})
    rows = {"sst": 12, "amazon": 9}
    write_transfer_index(
        folder / "transfer",
        {
            name: TransferInfo(
                dataset=f"{name}-data",
                title=name.upper(),
                labels=TELLING,
                classes=[5, 2],
                rows=count,
                shared_with_train=3,
            )
            for name, count in rows.items()
        },
    )
    return folder


@pytest.fixture
def models(tmp_path: Path, data: Path, backbone: Path) -> Path:
    """Three seeds: 0 and 2 share the encoder, 1 has learned its own."""
    folder = tmp_path / "models"
    encoding = read_tokens(data / "dev.parquet").encoding
    for seed in SEEDS:
        classifier = Classifier(load_encoder(backbone), "mean", HEAD, 5)
        initialise(classifier.head, torch.Generator().manual_seed(seed))
        where = "encoder" if seed == 1 else "../encoder"
        if seed == 1:
            with torch.no_grad():
                for parameter in classifier.encoder.parameters():
                    parameter.mul_(1.1)
        save_encoder(classifier.encoder, folder / str(seed) / where)
        description = Description("a", seed, 5, "mean", HEAD.model_dump(), where, encoding, {})
        save_head(classifier, description, folder / str(seed))
        save_dev_logits(torch.full((25, 5), float(seed)), folder / str(seed))
    return folder


def score(models: Path, data: Path) -> Predictions:
    return score_models("a", "tiny", TELLING, SEEDS, models, data, ENGINE, 256)


def test_every_seed_says_what_its_own_model_says(models: Path, data: Path) -> None:
    predictions = score(models, data)
    files = {"test": "test.parquet", "sst": "transfer/sst.parquet", "amazon": "transfer/amazon.parquet"}
    scored = {"test": predictions.splits["test"]} | {
        name: further.split for name, further in predictions.transfer.items()
    }
    for name, file in files.items():
        split = read_tokens(data / file)
        assert scored[name].ids == split.ids
        np.testing.assert_array_equal(scored[name].labels, split.labels)
        for seed in SEEDS:
            classifier, _ = load_classifier(models / str(seed))
            alone = all_logits(ENGINE, classifier, all_features(ENGINE, classifier, split, 256))
            np.testing.assert_array_equal(scored[name].logits[seed], alone)
    assert [float(logits[0, 0]) for logits in predictions.splits["dev"].logits] == [0, 1, 2]


def test_an_encoder_that_seeds_share_reads_every_split_once(
    models: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []

    def counted(engine: Engine, classifier: Classifier, split: TokenizedSplit, tokens: int) -> torch.Tensor:
        passes.append(len(split))
        return all_features(engine, classifier, split, tokens)

    monkeypatch.setattr(scoring, "all_features", counted)
    score(models, data)
    # Twice for three seeds: once for 0 and 2, once for 1.
    assert passes == [25, 12, 9] * 2


def test_sets_come_as_the_index_names_them_and_left_over_files_are_ignored(models: Path, data: Path) -> None:
    transfer = score(models, data).transfer
    assert list(transfer) == ["sst", "amazon"]
    sst = transfer["sst"]
    assert (sst.dataset, sst.title, sst.labels) == ("sst-data", "SST", TELLING)
    assert (sst.classes, sst.shared_with_train) == ([5, 2], 3)


def test_without_further_test_sets_there_are_none(models: Path, data: Path) -> None:
    write_transfer_index(data / "transfer", {})
    assert score(models, data).transfer == {}


@pytest.mark.parametrize("name", ["sst.parquet", "index.json"])
def test_a_missing_file_of_a_set_is_named(name: str, models: Path, data: Path) -> None:
    (data / "transfer" / name).unlink()
    with pytest.raises(FinesentError, match=f"transfer/{name}: the file is missing") as error:
        score(models, data)
    assert "dvc repro" in error.value.remedy


def test_a_set_of_another_encoding_is_refused(models: Path, data: Path) -> None:
    path = data / "transfer" / "amazon.parquet"
    table = read_arrow(path)
    encoding: dict[str, Any] = json.loads(table.schema.metadata[b"finesent"]) | {"template": "say: {text}"}
    write_arrow(path, table.replace_schema_metadata({b"finesent": json.dumps(encoding).encode()}))
    with pytest.raises(FinesentError, match=r"amazon\.parquet has 'say: \{text\}'"):
        score(models, data)


def test_a_model_that_says_nan_is_refused(models: Path, data: Path) -> None:
    classifier, description = load_classifier(models / "2")
    with torch.no_grad():
        next(classifier.head.parameters()).fill_(float("nan"))
    save_head(classifier, description, models / "2")
    with pytest.raises(FinesentError, match=r"a: test, seed 2.*NaN or infinite"):
        score(models, data)
