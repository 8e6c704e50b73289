"""The state of a run after an epoch: safetensors and JSON, replaced in one step.

It lies outside DVC's outputs, in ``.work/<fingerprint>/<seed>/``, because DVC deletes outputs before a
stage runs. A folder ``epoch-<n>`` there is complete by construction: it is written under another name and
renamed.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from finesent.errors import FinesentError
from finesent.files import read_json, replacing, write_json
from finesent.training.history import EpochRecord

Tensors = dict[str, torch.Tensor]


@dataclass
class RunState:
    """Everything that an epoch hands to the next.

    Attributes:
        fingerprint: of the configuration.
        epoch: last finished epoch; 0 before the first.
        step: optimizer steps so far.
        best_epoch: the epoch whose weights are kept so far; 0 before the head has learned.
        best_score: its selection score on dev; None before.
        finished: whether the run has ended.
        records: one an epoch.
        weights: parameters that have learned so far or were begun anew, by name.
        best: those of the best epoch.
        dev: under ``logits``, the best epoch's (M, C) logits of the dev split.
        moments: the optimizer's.
        averages: of the weights, where the ablation averages them.
    """

    fingerprint: str
    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_score: float | None = None
    finished: bool = False
    records: list[EpochRecord] = field(default_factory=list)
    weights: Tensors = field(default_factory=dict)
    best: Tensors = field(default_factory=dict)
    dev: Tensors = field(default_factory=dict)
    moments: Tensors = field(default_factory=dict)
    averages: Tensors = field(default_factory=dict)

    def outcome(self) -> RunState:
        """Return the state without what only a further epoch would need."""
        return replace(self, weights={}, moments={}, averages={})


_TENSORS = ("weights", "best", "dev", "moments", "averages")


class Checkpoints:
    """Those of one run.

    A state is four times as large as the weights that learn. Where an epoch takes a few seconds, writing it
    after each would take a good part of them.

    Args:
        folder: where they lie.
        fingerprint: of the configuration.
        seconds: of training from one to the next, and what its epoch takes beyond them; 0 for one an epoch.
    """

    def __init__(self, folder: Path, fingerprint: str, seconds: float) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._seconds = seconds
        self._last = time.monotonic()

    def load(self) -> RunState | None:
        """Return the newest state, or None where there is none; raise as :func:`load_state`."""
        return load_state(self._folder, self._fingerprint)

    def keep(self, state: RunState) -> None:
        """Write the state if the run has ended, or if it is time again."""
        if not state.finished and time.monotonic() - self._last < self._seconds:
            return
        save_state(self._folder, state.outcome() if state.finished else state)
        self._last = time.monotonic()


def save_state(folder: Path, state: RunState) -> None:
    """Write the state of ``state.epoch`` and then remove the older ones."""
    with replacing(folder / f"epoch-{state.epoch:05d}") as temporary:
        temporary.mkdir(parents=True)
        for name in _TENSORS:
            tensors = {key: value.detach().cpu().contiguous() for key, value in getattr(state, name).items()}
            save_file(tensors, temporary / f"{name}.safetensors")
        plain = {key: value for key, value in vars(state).items() if key not in _TENSORS}
        plain["records"] = [asdict(record) for record in state.records]
        write_json(temporary / "state.json", plain)
        # A rename may reach the disk before the content does; after a power cut that would be half a state.
        _flush(temporary)
    for old in _states(folder)[:-1]:
        shutil.rmtree(old)


def load_state(folder: Path, fingerprint: str) -> RunState | None:
    """Return the newest state, or None where there is none.

    Raises:
        FinesentError: the state belongs to another configuration, or is damaged.
    """
    states = _states(folder)
    if not states:
        return None
    newest = states[-1]
    content = read_json(newest / "state.json")
    if content.get("fingerprint") != fingerprint:
        raise FinesentError(
            str(newest),
            "is the checkpoint of another configuration",
            f"delete {folder.parent} and run again; nothing else refers to it",
        )
    try:
        tensors = {name: _load(newest / f"{name}.safetensors") for name in _TENSORS}
    except (OSError, SafetensorError) as error:
        raise FinesentError(str(newest), f"is damaged ({error})", f"delete {newest} and run again") from error
    content["records"] = [EpochRecord(**record) for record in content["records"]]
    return RunState(**{**content, **tensors})


def _load(path: Path) -> Tensors:
    # Copies: the file is deleted while what was read from it is still needed.
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*")) if folder.is_dir() else []


def _flush(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
