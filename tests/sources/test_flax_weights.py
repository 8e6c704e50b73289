"""Turning Flax weights into safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from finesent.sources.base import SourceUnavailable
from finesent.sources.flax_weights import convert
from tests.sources.helpers import sha256


def packed(array: Any) -> Any:
    """An array as Flax packs it."""
    return msgpack.ExtType(
        1, msgpack.packb((array.shape, array.dtype.name, array.tobytes()), use_bin_type=True)
    )


def flax_tree(state: dict[str, Any]) -> dict[str, Any]:
    """A PyTorch RoBERTa's parameters as the Flax model would hold them, written from Flax's side."""
    tree: dict[str, Any] = {}
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        array = tensor.numpy()
        if leaf == "weight" and path[-1].endswith("embeddings"):
            leaf = "embedding"
        elif leaf == "weight" and path[-1] == "LayerNorm":
            leaf = "scale"
        elif leaf == "weight":
            leaf, array = "kernel", array.T
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = packed(np.ascontiguousarray(array))
    return tree


def test_a_converted_model_loads_with_equal_tensors(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20,
    )  # fmt: skip
    torch.manual_seed(0)
    original = RobertaModel(config)
    with torch.no_grad():
        for parameter in original.parameters():
            parameter.normal_()  # so that no two biases are alike
    state = {name: parameter.detach() for name, parameter in original.named_parameters()}
    (tmp_path / "flax").write_bytes(msgpack.packb(flax_tree(state)))
    convert(tmp_path / "flax", tmp_path / "model.safetensors")
    config.save_pretrained(tmp_path)
    loaded, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True, use_safetensors=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    expected = dict(original.named_parameters())
    assert dict(loaded.named_parameters()).keys() == expected.keys()
    for name, tensor in loaded.named_parameters():
        assert torch.equal(tensor, expected[name]), name


def test_the_same_weights_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    tree = {
        "b": {"kernel": packed(np.eye(3, dtype=np.float32))},
        "a": {"bias": packed(np.ones(2, np.float16))},
    }
    hashes = set()
    for order in (["a", "b"], ["b", "a"]):
        (tmp_path / "flax").write_bytes(msgpack.packb({"params": {name: tree[name] for name in order}}))
        convert(tmp_path / "flax", tmp_path / "out")
        hashes.add(sha256((tmp_path / "out").read_bytes()))
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "truncated or no Flax model"),
        (msgpack.packb({"a": packed(np.ones(9))})[:-5], "truncated or no Flax model"),
        (msgpack.packb({"a": msgpack.ExtType(2, b"x")}), "extension type 2 is no array"),
        (msgpack.packb({"a": msgpack.ExtType(1, msgpack.packb(((3,), "float32", b"123")))}), "has 3 bytes"),
        (msgpack.packb([1, 2]), "holds no tree of parameters"),
        (msgpack.packb({"a": {"b": 3}}), r"the parameter a\.b is no array"),
        (msgpack.packb({}), "holds no parameters"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "flax_model.msgpack").write_bytes(content)
    with pytest.raises(SourceUnavailable, match=said):
        convert(tmp_path / "flax_model.msgpack", tmp_path / "out")
    assert not (tmp_path / "out").exists()
