"""Every allowed combination of encoder, pooling and head trains and is scored; every other is refused."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finesent.data.tokens import read_tokens
from finesent.errors import FinesentError
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.saving import load_classifier, load_dev_logits
from finesent.training.ablation import train_ablation
from tests.conftest import write_tokens
from tests.training.helpers import make_ablation, make_params, make_paths
from tests.training.wordy import recurrent, write_words

ENCODERS: dict[str, dict[str, Any]] = {
    "pretrained": {"kind": "pretrained", "mix_layers": 1},
    "pretrained-mix": {"kind": "pretrained", "mix_layers": 2},
    "rnn": recurrent("rnn", bidirectional=False),
    "bilstm-glove": recurrent("lstm", embeddings={"kind": "glove", "trained": False}),
}
POOLINGS = ["first", "mean", "max", "attention", "final", "none"]
HEADS = ["linear", "linear-dropout-linear", "linear-tanh-linear", "bigru", "bilstm"]
RECURRENT_HEADS = ("bigru", "bilstm")
SIZES = {"train": 10, "dev": 10}

# Written out once more, and not computed by the code's own rule.
ALLOWED = [
    (encoder, pooling, head)
    for encoder, pooling, head in product(ENCODERS, POOLINGS, HEADS)
    if (head in RECURRENT_HEADS) == (pooling == "none")
    and pooling != ("final" if encoder.startswith("pretrained") else "first")
]
FORBIDDEN = [case for case in product(ENCODERS, POOLINGS, HEADS) if case not in ALLOWED]


def blocks(encoder: str, pooling: str, head: str) -> dict[str, Any]:
    hidden = {"hidden": 4} if head in RECURRENT_HEADS else {}
    return {
        "encoder": ENCODERS[encoder],
        "pooling": pooling,
        "head": {"kind": head, "dropout": 0.1, **hidden},
        "unfreeze": {"policy": "all", "after": 0},
        "epochs": 1,
        "batch": {"sentences": 10},
    }


@pytest.fixture(scope="module")
def tokens_of(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> dict[bool, Path]:
    """Folders of tokens, by whether they are words."""
    folder = tmp_path_factory.mktemp("combinations")
    (folder / "words").mkdir()
    return {
        False: write_tokens(folder / "backbone", backbone, SIZES),
        True: write_words(folder / "words", SIZES),
    }


def test_the_allowed_are_as_many_as_can_be_counted() -> None:
    # 4 poolings with 3 heads and the token states with 2, for each of 4 encoders.
    assert len(ALLOWED) == 4 * (4 * 3 + 2)
    assert len(FORBIDDEN) == 4 * 6 * 5 - len(ALLOWED)


@pytest.mark.parametrize(("encoder", "pooling", "head"), ALLOWED)
def test_an_allowed_combination_trains_a_step_and_is_scored(
    tmp_path: Path, tokens_of: dict[bool, Path], backbone: Path, encoder: str, pooling: str, head: str
) -> None:
    ablation = make_ablation(**blocks(encoder, pooling, head))
    tokens = tokens_of[not encoder.startswith("pretrained")]
    paths = make_paths(tmp_path, tokens, backbone)
    train_ablation("a", ablation, make_params([0]), 5, paths)
    classifier, _ = load_classifier(paths.models / "0")
    engine, dev = Engine(torch.device("cpu"), "float32"), read_tokens(tokens / "dev.parquet")
    logits = all_logits(engine, classifier, all_features(engine, classifier, dev))
    assert logits.shape == (10, 5)
    assert np.allclose(logits, load_dev_logits(paths.models / "0", 10), atol=1e-6)


@pytest.mark.parametrize(("encoder", "pooling", "head"), FORBIDDEN)
def test_a_forbidden_combination_is_refused_by_params(encoder: str, pooling: str, head: str) -> None:
    with pytest.raises(FinesentError, match=r"head reads|pooling final|pooling first"):
        make_ablation(**blocks(encoder, pooling, head))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"unfreeze": {"policy": "never"}}, "unfreeze never leaves a recurrent encoder at its random start"),
        ({"head": {"kind": "linear", "dropout": 0.1, "hidden": 4}}, "a linear head has no hidden"),
        ({"head": {"kind": "bigru", "dropout": 0.1}}, "a bigru head needs hidden"),
        ({"encoder": recurrent("transformer")}, r"encoder\.cell: .*'lstm'"),
        ({"encoder": recurrent(embeddings={"kind": "word2vec"})}, r"embeddings: .*'glove'"),
        ({"encoder": recurrent(embeddings={"kind": "random"})}, r"size: missing"),
        ({"encoder": recurrent(layers=0)}, r"encoder\.layers: "),
        ({"encoder": {"kind": "pretrained", "mix_layers": 0}}, r"encoder\.mix_layers: "),
        ({"encoder": {"kind": "convolutional"}}, r"encoder: .*'recurrent'"),
    ],
)
def test_a_wrong_block_is_told_by_its_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(FinesentError, match=problem):
        make_ablation(**(blocks("rnn", "mean", "linear") | changes))
