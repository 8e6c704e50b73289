"""States on disk: complete or not there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from finesent.errors import FinesentError
from finesent.training import checkpoint
from finesent.training.checkpoint import Checkpoints, RunState, load_state, save_state
from finesent.training.history import EpochRecord


def state(epoch: int) -> RunState:
    record = EpochRecord(
        0, epoch, 9, 1, 0.1, 0.01, 1.5, 0.6, 2.5, 1.4, 0.5, 0.4, 3.25, 100.0, 70, 7, 1 << 20, "cpu", "float32"
    )
    return RunState(
        fingerprint="f",
        epoch=epoch,
        step=9,
        best_epoch=1,
        best_score=0.9,
        records=[record],
        weights={"head.weight": torch.arange(4.0)},
        best={"head.weight": torch.ones(4)},
        dev={"logits": torch.zeros(2, 5)},
        moments={"head.weight|step": torch.tensor(3.0)},
        averages={"head.weight": torch.zeros(4), "head.weight|updates": torch.tensor(2)},
    )


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    save_state(tmp_path / "0", state(3))
    loaded = load_state(tmp_path / "0", "f")
    assert loaded is not None
    assert (loaded.epoch, loaded.step, loaded.best_epoch, loaded.best_score) == (3, 9, 1, 0.9)
    assert loaded.records == state(3).records
    assert torch.equal(loaded.weights["head.weight"], torch.arange(4.0))
    assert torch.equal(loaded.moments["head.weight|step"], torch.tensor(3.0))
    assert int(loaded.averages["head.weight|updates"]) == 2


def test_a_run_without_averages_is_kept_too(tmp_path: Path) -> None:
    plain = state(3)
    plain.averages = {}
    save_state(tmp_path / "0", plain)
    loaded = load_state(tmp_path / "0", "f")
    assert loaded is not None
    assert loaded.averages == {}


def test_there_is_nothing_to_load_at_first(tmp_path: Path) -> None:
    assert load_state(tmp_path / "0", "f") is None


def test_only_the_newest_state_stays(tmp_path: Path) -> None:
    for epoch in (1, 2, 11):
        save_state(tmp_path / "0", state(epoch))
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["epoch-00011"]


def test_a_half_written_state_is_not_taken_for_one(tmp_path: Path) -> None:
    save_state(tmp_path / "0", state(1))
    half = tmp_path / "0" / ".epoch-00002.abc.tmp"
    half.mkdir()
    (half / "state.json").write_text("{")
    loaded = load_state(tmp_path / "0", "f")
    assert loaded is not None
    assert loaded.epoch == 1


def test_a_state_is_kept_when_it_is_time_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now))
    checkpoints = Checkpoints(tmp_path / "0", "f", seconds=60)
    kept = []
    for epoch, moment in enumerate((159.0, 160.0, 170.0, 219.0, 221.0), 1):
        now = moment
        checkpoints.keep(state(epoch))
        found = checkpoints.load()
        kept.append(found and found.epoch)
    assert kept == [None, 2, 2, 2, 5]


def test_every_state_is_kept_where_no_seconds_are_to_pass(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "0", "f", seconds=0)
    for epoch in (1, 2):
        checkpoints.keep(state(epoch))
        found = load_state(tmp_path / "0", "f")
        assert found is not None
        assert (found.epoch, found.weights.keys()) == (epoch, state(epoch).weights.keys())


def test_of_a_run_that_has_ended_its_outcome_is_kept_at_once(tmp_path: Path) -> None:
    ended = state(3)
    ended.finished = True
    checkpoints = Checkpoints(tmp_path / "0", "f", seconds=3600)
    checkpoints.keep(ended)
    found = checkpoints.load()
    assert found is not None
    assert found.finished
    assert torch.equal(found.best["head.weight"], torch.ones(4))
    assert torch.equal(found.dev["logits"], torch.zeros(2, 5))
    assert (found.weights, found.moments, found.averages) == ({}, {}, {})
    # The run still has what it had.
    assert ended.weights


def test_another_configurations_state_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "0", state(1))
    with pytest.raises(FinesentError, match="another configuration"):
        load_state(tmp_path / "0", "other")


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    save_state(tmp_path / "0", state(1))
    (tmp_path / "0" / "epoch-00001" / "moments.safetensors").write_bytes(b"no tensors")
    with pytest.raises(FinesentError, match="damaged"):
        load_state(tmp_path / "0", "f")


def test_no_pickle_is_written(tmp_path: Path) -> None:
    save_state(tmp_path / "0", state(1))
    suffixes = {path.suffix for path in (tmp_path / "0" / "epoch-00001").iterdir()}
    assert suffixes == {".safetensors", ".json"}
