"""Turning weights published as a Flax msgpack into safetensors, without Flax, torch or any pickle."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finesent.sources.base import SourceUnavailable, one_line

Array = NDArray[Any]

# Flax's number for an array among msgpack's extension types; its content is (shape, dtype name, bytes).
_NDARRAY = 1

# The last part of a parameter's path, as PyTorch calls it.
_LEAF_NAMES = {"kernel": "weight", "embedding": "weight", "scale": "weight"}


def convert(msgpack_file: Path, target: Path) -> None:
    """Write the parameters of a Flax model as safetensors under PyTorch's names.

    The same input gives the same bytes: names are sorted and nothing but the tensors is stored.

    Args:
        msgpack_file: what ``flax.serialization.to_bytes`` made of a model's parameters.
        target: the safetensors file to write.

    Raises:
        SourceUnavailable: the file is broken or holds something else.
    """
    from safetensors.numpy import save_file

    tensors = dict(_torch_tensors(_read(msgpack_file), ()))
    if not tensors:
        raise SourceUnavailable(f"{msgpack_file.name} holds no parameters")
    # transformers takes a file only if it says which framework's layout it is in.
    save_file(dict(sorted(tensors.items())), target, metadata={"format": "pt"})


def _read(path: Path) -> dict[str, Any]:
    import msgpack

    try:
        content = msgpack.unpackb(path.read_bytes(), ext_hook=_array, raw=False)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise SourceUnavailable(f"{path.name} is truncated or no Flax model ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise SourceUnavailable(f"{path.name} holds no tree of parameters")
    parameters = content.get("params", content)
    return parameters if isinstance(parameters, dict) else content


def _array(code: int, data: bytes) -> Array:
    import msgpack

    if code != _NDARRAY:
        raise ValueError(f"extension type {code} is no array")
    shape, dtype, content = msgpack.unpackb(data, raw=False)
    if len(content) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError(f"an array of shape {tuple(shape)} has {len(content)} bytes")
    array: Array = np.frombuffer(content, dtype=dtype).reshape(shape)
    return array


def _torch_tensors(tree: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _torch_tensors(value, (*path, name))
        elif isinstance(value, np.ndarray):
            # Flax keeps a dense layer as (inputs, outputs), PyTorch as (outputs, inputs).
            array = value.T if name == "kernel" else value
            yield ".".join((*path, _LEAF_NAMES.get(name, name))), np.ascontiguousarray(array)
        else:
            raise SourceUnavailable(f"the parameter {'.'.join((*path, name))} is no array")
