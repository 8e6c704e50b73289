"""Looking up one entry of the catalog."""

from __future__ import annotations

from pathlib import Path

from finesent.catalog.schema import Backbone, Dataset, Embeddings
from finesent.validation import ModelT, parse, unknown_name
from finesent.yaml_files import read_yaml

DATASETS = Path("catalog/datasets.yaml")
BACKBONES = Path("catalog/backbones.yaml")
EMBEDDINGS = Path("catalog/embeddings.yaml")


def dataset(name: str, path: Path = DATASETS, key: str = "dataset") -> Dataset:
    """Return the data set ``name`` of the catalog.

    Args:
        name: of the entry.
        path: of the catalog.
        key: of params.yaml that holds the name, for the error.

    Raises:
        FinesentError: there is no such entry (the known ones are listed), or it is malformed.
    """
    return _entry(Dataset, name, path, key, "data set")


def backbone(name: str, path: Path = BACKBONES) -> Backbone:
    """Return the backbone ``name`` of the catalog.

    Raises:
        FinesentError: there is no such entry (the known ones are listed), or it is malformed.
    """
    return _entry(Backbone, name, path, "backbone", "backbone")


def embeddings(name: str, path: Path = EMBEDDINGS) -> Embeddings:
    """Return the word vectors ``name`` of the catalog.

    Raises:
        FinesentError: there is no such entry (the known ones are listed), or it is malformed.
    """
    return _entry(Embeddings, name, path, "embeddings", "word vectors")


def _entry(model: type[ModelT], name: str, path: Path, key: str, kind: str) -> ModelT:
    """Return one entry; ``key`` is where params.yaml names it, and ``kind`` is what to call it."""
    entries = read_yaml(path)
    if name not in entries:
        raise unknown_name(f"params.yaml: {key} ({path})", kind, name, list(entries))
    return parse(model, entries[name], f"{path}: {name}")
