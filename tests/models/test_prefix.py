"""A pass that begins above frozen layers gives what a whole pass gives, for every architecture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PretrainedConfig

from finesent.data.batches import length_ordered
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models.classifier import Classifier
from finesent.models.encoder import layers_of
from finesent.models.engine import Engine, all_features, scoring
from finesent.models.prefix import PrefixStates, Recorder
from finesent.params.ablation import Head
from tests.models.families import CONFIGS, tiny

HEAD = Head(kind="linear", dropout=0.0)
# ALBERT's layers share their weights, so that none can be frozen below another.
LAYERED = [config for config in CONFIGS if config.model_type != "albert"]


@pytest.fixture
def split(tokens: Path) -> TokenizedSplit:
    """Tokenized rows of several lengths."""
    return read_tokens(tokens / "dev.parquet")


def states_of(engine: Engine, classifier: Classifier, split: TokenizedSplit) -> dict[int, PrefixStates]:
    """The states after every layer."""
    layers = layers_of(classifier.encoder)
    recorder = Recorder(layers, range(1, len(layers) + 1), split.lengths)
    with scoring(classifier):
        for rows in length_ordered(split.lengths, 64):
            with recorder.over(rows):
                engine.encode(classifier, split, rows)
    return recorder.result()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("config", LAYERED, ids=lambda config: config.model_type)
def test_features_and_gradients_are_those_of_a_whole_pass(
    config: PretrainedConfig, precision: str, split: TokenizedSplit
) -> None:
    engine = Engine(torch.device("cpu"), precision)
    classifier = Classifier(tiny(config), "mean", HEAD, 5)
    kept = states_of(engine, classifier, split)
    # Of one layer the other learns, of two neither.
    assert sorted(kept) == [1, 2]
    tolerance = 1e-5 if precision == "float32" else 0.02
    rows = np.random.default_rng(0).permutation(len(split))[:12]
    for layers, prefix in kept.items():
        classifier.set_depth(2 - layers)
        classifier.eval()
        made = []
        for given in (None, prefix):
            classifier.zero_grad()
            features = engine.encode(classifier, split, rows, prefix=given)
            classifier.head(features).square().sum().backward()
            learnt = [p.grad for p in classifier.parameters() if p.grad is not None]
            made.append(torch.cat([features.detach().flatten(), *(grad.flatten() for grad in learnt)]))
        whole, begun = made
        assert (begun - whole).abs().max() <= tolerance * whole.abs().max(), layers


def test_skipped_layers_compute_nothing_and_are_themselves_again_afterwards(split: TokenizedSplit) -> None:
    engine = Engine(torch.device("cpu"), "float32")
    classifier = Classifier(tiny(CONFIGS[0]), "mean", HEAD, 5).eval()
    kept, whole = states_of(engine, classifier, split), all_features(engine, classifier, split)
    layers = layers_of(classifier.encoder)
    with torch.no_grad():
        for parameter in layers[0].parameters():
            parameter.fill_(float("nan"))
    begun = all_features(engine, classifier, split, prefix=kept[1])
    assert torch.allclose(begun, whole, atol=1e-5)
    assert all_features(engine, classifier, split).isnan().all()
    with pytest.raises(IndexError):
        engine.encode(classifier, split, np.array([len(split)]), prefix=kept[1])
    assert not any("forward" in vars(layer) or layer._forward_hooks for layer in layers)


def test_rows_are_chosen_and_padded_or_packed_with_zeros(split: TokenizedSplit) -> None:
    lengths = np.array([2, 4, 3])
    states = torch.arange(9.0)[:, None].expand(9, 2).clone()
    whole = PrefixStates(1, torch.cat([states, torch.zeros(1, 2)]), np.array([0, 2, 6]), lengths, None)
    chosen = whole.of(np.array([2, 0]))
    assert chosen.padded()[..., 0].tolist() == [[6, 7, 8], [0, 1, 0]]
    assert chosen.packed(8)[:, 1].tolist() == [6, 7, 8, 0, 1, 0, 0, 0]
    again = whole.of(np.array([2, 1])).of(np.array([1, 0]))
    assert again.padded()[..., 1].tolist() == [[2, 3, 4, 5], [6, 7, 8, 0]]
    assert again.packed(7)[:, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert whole.of(None) is whole
