"""The fingerprint of a training run: what must be equal for a checkpoint to be worth resuming."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from finesent.files import sha256_of

_LIBRARIES = ("torch", "transformers", "numpy", "safetensors", "scikit-learn")
# The code that decides which numbers come out; beside this package, relative to it.
_CODE = (
    "training",
    "models",
    "kernels",
    "compiling.py",
    "data/tokens.py",
    "data/encoding.py",
    "data/batches.py",
)


def fingerprint(params: dict[str, Any], inputs: list[Path], hardware: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that change when anything that shapes the weights changes.

    Args:
        params: the ablation, its name, and whatever else of params.yaml counts, as plain data.
        inputs: files and folders that training reads.
        hardware: device, precision and number of threads: bits depend on each of them.
    """
    content = {
        "params": params,
        "inputs": {str(path): _hash(path) for path in inputs},
        "code": [_hash(Path(__file__).parents[1] / part) for part in _CODE],
        "hardware": hardware,
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _hash(path: Path) -> str:
    if path.is_file():
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(path).as_posix()}:{sha256_of(file)}\n".encode())
    return digest.hexdigest()
