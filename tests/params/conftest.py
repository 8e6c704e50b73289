"""A small params.yaml that is sound, and a way to spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOUND: dict[str, Any] = {
    "dataset": "mine",
    "backbone": "tiny",
    "seeds": [0, 1],
    "transfer": {},
    "panel": None,
    "clean": {
        "recipe": "none",
        "repeated_in_train": "drop",
        "shared_with_dev_or_test": "keep",
        "near_duplicates": {"action": "keep", "similarity": 0.6},
    },
    "sample": {"train_size": None, "balance": "none", "length_bins": 4, "seed": 0},
    "inputs": {
        "plain": {"template": "{text}", "max_length": 64},
        "prompt": {"template": "Review: {text}", "max_length": 128},
    },
    "train": {"device": "auto", "precision": "auto", "micro_batch": None},
    "defaults": {
        "pooling": "mean",
        "head": {"kind": "linear", "dropout": 0.1},
        "losses": {"cross-entropy": {"weight": 1.0}},
        "unfreeze": {"policy": "never"},
        "learning_rate": {"head": 0.001, "backbone": 1e-05},
        "weight_decay": 0.01,
        "schedule": {"shape": "linear", "warmup": 0.1},
        "max_grad_norm": 1.0,
        "batch": {"sentences": 32},
        "epochs": 5,
        "patience": None,
        "select": "accuracy",
    },
    "ablations": {
        "baseline": {"input": "plain"},
        "after-n": {"input": "prompt", "unfreeze": {"policy": "all", "after": 3}},
    },
    "evaluate": {"device": "cpu", "precision": "float32", "batch_tokens": 4096},
    "compare": {
        "baseline": "baseline",
        "family": "baseline",
        "confidence": 0.95,
        "power": 0.8,
        "resamples": 1000,
        "seed": 0,
    },
    "claims": [],
}

GONE = object()

Spoil = Callable[..., Path]


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return the sound content with one dotted key set, or taken out if ``value`` is ``GONE``."""
    content: dict[str, Any] = json.loads(json.dumps(SOUND))
    *parents, last = key.split(".")
    block = content
    for parent in parents:
        block = block[parent]
    if value is GONE:
        del block[last]
    else:
        block[last] = value
    return content


@pytest.fixture
def spoil(tmp_path: Path) -> Spoil:
    """Write the sound params.yaml with dotted keys set (``None`` as value is YAML's null) or, by their
    bare names, taken out; return its path."""

    def write(key: str | None = None, *value: Any) -> Path:
        content = SOUND if key is None else changed(key, value[0] if value else GONE)
        # JSON is YAML.
        (tmp_path / "params.yaml").write_text(json.dumps(content))
        return tmp_path / "params.yaml"

    return write
