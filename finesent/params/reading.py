"""Reading params.yaml: a stage gets the keys that its model declares, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finesent.errors import FinesentError
from finesent.validation import ModelT, parse
from finesent.yaml_files import read_yaml

PARAMS = Path("params.yaml")


def read_params(model: type[ModelT], path: Path = PARAMS) -> ModelT:
    """Validate the top-level keys that ``model`` declares, leaving every other key unread.

    What a stage could not read it cannot depend on by accident: dvc.yaml lists the same keys.

    Raises:
        FinesentError: a key is missing, unknown within its block, of the wrong type or impossible.
    """
    content = read_yaml(path)
    return parse(model, {key: content[key] for key in model.model_fields if key in content}, str(path))


def merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``override`` laid over it, mapping by mapping; other values replace."""
    result = dict(base)
    for key, value in override.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def block_of(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    """Return the mapping under ``key``.

    Raises:
        FinesentError: it is missing or no mapping.
    """
    block = content.get(key)
    if not isinstance(block, dict):
        raise FinesentError(f"{path}: {key}", "must be a mapping", "compare it with params.yaml in git")
    return block
