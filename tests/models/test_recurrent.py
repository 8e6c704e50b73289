"""The recurrent encoder: padding is never read, ends are the right ones, and its vocabulary stays with it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finesent.data.vocabulary import Vocabulary
from finesent.errors import FinesentError
from finesent.models.encoder import hidden_size, layers_of, load_encoder
from finesent.models.recurrence import RecurrentLayer, final_states
from finesent.models.recurrent import RecurrentNetwork, build_recurrent
from finesent.params.ablation import RecurrentEncoder
from finesent.validation import parse

VOCABULARY = Vocabulary(["<PAD>", "<UNK>", *"abcdefgh"], lowercase=True)
KINDS = list(itertools.product(["rnn", "gru", "lstm"], [False, True]))


def make(cell: str = "lstm", bidirectional: bool = True, layers: int = 2, **changes: Any) -> RecurrentNetwork:
    content = {
        "kind": "recurrent",
        "cell": cell,
        "bidirectional": bidirectional,
        "layers": layers,
        "hidden": 6,
        "dropout": 0.2,
        "embeddings": {"kind": "random", "size": 5},
    }
    params = parse(RecurrentEncoder, content | changes, "test")
    glove = params.embeddings.kind == "glove"
    known = (np.array([2, 4]), np.arange(14, dtype=np.float32).reshape(2, 7)) if glove else None
    network = build_recurrent(params, VOCABULARY, known)
    network.initialise(torch.Generator().manual_seed(1))
    return network


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Three rows of 4, 1 and 3 tokens."""
    lengths = torch.tensor([4, 1, 3])
    mask = (torch.arange(4) < lengths[:, None]).long()
    return torch.tensor([[2, 3, 4, 5], [6, 0, 0, 0], [1, 9, 2, 0]]) * mask, mask


def padded(ids: torch.Tensor, mask: torch.Tensor, filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same rows with seven more columns, every padded place holding ``filler``."""
    more = torch.zeros(len(ids), 7, dtype=torch.long)
    ids, mask = torch.cat([ids, more], dim=1), torch.cat([mask, more], dim=1)
    return torch.where(mask == 1, ids, filler), mask


@pytest.mark.parametrize(("cell", "bidirectional"), KINDS)
@pytest.mark.parametrize("filler", [0, 7])
def test_padding_is_never_read(cell: str, bidirectional: bool, filler: int) -> None:
    network = make(cell, bidirectional).eval()
    ids, mask = batch()
    with torch.no_grad():
        states = network(ids, mask)
        more_states = network(*padded(ids, mask, filler))
    assert torch.equal(states, more_states[:, :4])
    assert more_states[:, 4:].abs().max() == 0
    directions = 2 if bidirectional else 1
    ends = final_states(states, mask, directions)
    assert torch.equal(ends, final_states(more_states, padded(ids, mask, filler)[1], directions))


@pytest.mark.parametrize(("cell", "bidirectional"), KINDS)
def test_a_batch_is_its_rows_one_by_one(cell: str, bidirectional: bool) -> None:
    network = make(cell, bidirectional).eval()
    ids, mask = batch()
    with torch.no_grad():
        together = network(ids, mask)
        for row, length in enumerate(mask.sum(dim=1).tolist()):
            alone = network(ids[row : row + 1, :length], mask[row : row + 1, :length])
            assert torch.allclose(together[row, :length], alone[0], atol=1e-6)


@pytest.mark.parametrize(("cell", "bidirectional"), KINDS)
def test_final_states_are_those_that_pytorch_hands_out(cell: str, bidirectional: bool) -> None:
    layer = RecurrentLayer(cell, 5, 6, bidirectional, 0.0)
    row = torch.randn(1, 4, 5)
    mask = torch.ones(1, 4, dtype=torch.long)
    with torch.no_grad():
        _, end = layer.recurrent(row)
        hidden = end[0] if cell == "lstm" else end
        expected = torch.cat(list(hidden), dim=-1)
        assert torch.allclose(final_states(layer(row, mask), mask, layer.directions), expected, atol=1e-6)


def test_a_gru_step_is_the_published_one() -> None:
    layer = RecurrentLayer("gru", 3, 2, False, 0.0).double()
    rnn = layer.recurrent
    x = torch.randn(1, 1, 3, dtype=torch.float64)
    # From a zero state: r = σ(W x + b), z likewise, n = tanh(W x + b + r ⊙ b'), h = (1 - z) ⊙ n.
    r, z, n = (rnn.weight_ih_l0 @ x[0, 0] + rnn.bias_ih_l0).chunk(3)
    r_bias, z_bias, n_bias = rnn.bias_hh_l0.chunk(3)
    new = torch.tanh(n + torch.sigmoid(r + r_bias) * n_bias)
    expected = (1 - torch.sigmoid(z + z_bias)) * new
    layer.float()
    got = layer(x.float(), torch.ones(1, 1, dtype=torch.long))[0, 0]
    assert torch.allclose(got.double(), expected, atol=1e-6)


def test_weights_depend_on_the_generator_alone() -> None:
    first, second = make(), make()
    second.initialise(torch.Generator().manual_seed(2))
    assert not torch.equal(first.embeddings.weight, second.embeddings.weight)
    torch.rand(5)
    second.initialise(torch.Generator().manual_seed(1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    bound = 6**-0.5
    assert all(p.abs().max() <= bound for layer in first.layers for p in layer.parameters())


def test_the_padding_row_is_zero_and_stays_so() -> None:
    network = make()
    ids, mask = batch()
    network(*padded(ids, mask, 0)).sum().backward()
    assert network.embeddings.weight[0].abs().max() == 0
    gradient = network.embeddings.weight.grad
    assert gradient is not None
    assert gradient[0].abs().max() == 0
    assert gradient[2].abs().max() > 0


@pytest.mark.parametrize("trained", [False, True])
def test_known_words_start_from_their_vectors(trained: bool) -> None:
    network = make(embeddings={"kind": "glove", "trained": trained})
    weight = network.embeddings.weight
    assert weight.requires_grad is trained
    assert weight[2].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert weight[4].tolist() == [7, 8, 9, 10, 11, 12, 13]
    # The others get the spread of the known ones, here about 4.
    assert 1 < weight[[1, 3, 5, 6, 7, 8, 9]].std() < 8


def test_sizes_and_layers_are_found_as_a_backbones_are() -> None:
    assert hidden_size(make(bidirectional=True)) == 12
    assert hidden_size(make(bidirectional=False)) == 6
    assert len(layers_of(make(layers=3))) == 3


def test_bf16_autocast_does_not_reach_the_recurrence() -> None:
    network = make().eval()
    ids, mask = batch()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = network(ids, mask)
    with torch.no_grad():
        assert torch.equal(mixed, network(ids, mask))


@pytest.mark.parametrize("embeddings", [{"kind": "random", "size": 5}, {"kind": "glove", "trained": False}])
def test_a_saved_encoder_is_read_back_with_its_vocabulary(tmp_path: Path, embeddings: dict[str, Any]) -> None:
    network = make(embeddings=embeddings).eval()
    network.save(tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder").eval()
    assert isinstance(loaded, RecurrentNetwork)
    assert loaded.vocabulary == VOCABULARY
    with torch.no_grad():
        assert torch.equal(loaded(*batch()), network(*batch()))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("recurrent.json", "{}", "cell: missing"),
        ("vocabulary.json", '{"words": ["<PAD>", "<UNK>", "a"], "lowercase": true}', "do not fit"),
        ("vocabulary.json", '{"words": ["a", "b", "c"], "lowercase": true}', "is no vocabulary"),
        ("model.safetensors", "x", "do not fit"),
    ],
)
def test_a_broken_encoder_is_named(tmp_path: Path, file: str, content: str, message: str) -> None:
    make().save(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(FinesentError, match=message):
        load_encoder(tmp_path)
