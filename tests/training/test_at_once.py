"""Seeds side by side come to what they come to alone, and end together when one of them fails."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from finesent.errors import FinesentError
from finesent.params.train import Train
from finesent.training.setup import prepare
from finesent.validation import parse
from tests.training.helpers import hashes, make_ablation, make_params, make_paths, timeless, train

SEEDS = [0, 1, 2]


def test_seeds_side_by_side_are_those_one_after_the_other(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    ablation = make_ablation(epochs=3, unfreeze={"policy": "all", "after": 1})
    alone, beside = (
        train(tmp_path / name, tokens, backbone, ablation, SEEDS, seeds_at_once=count)
        for name, count in (("alone", 1), ("beside", 2))
    )
    assert beside == alone
    assert hashes(tmp_path / "beside" / "models") == hashes(tmp_path / "alone" / "models")
    assert timeless(tmp_path / "beside") == timeless(tmp_path / "alone")
    assert not [path for path in (tmp_path / "beside" / ".work").iterdir() if path.is_dir()]


def test_a_killed_process_ends_the_others_and_training_goes_on(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    ablation = make_ablation(epochs=25, unfreeze={"policy": "all", "after": 1})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(train, tmp_path / "cut", tokens, backbone, ablation, SEEDS[:2], seeds_at_once=2)
        while not running.done() and not list((tmp_path / "cut").glob(".work/*/0/epoch-*")):
            time.sleep(0.05)
        children = multiprocessing.active_children()
        children[0].kill()
        with pytest.raises(FinesentError, match="was killed, and the others were ended"):
            running.result()
    # One that the pool waits for in its own thread is known to have ended a moment later in this one.
    deadline = time.monotonic() + 60
    while set(children) & set(multiprocessing.active_children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(children) & set(multiprocessing.active_children())
    assert not (tmp_path / "cut" / "models").exists()
    assert list((tmp_path / "cut").glob(".work/*/*/epoch-*"))
    # The other was ended, rather than waited for.
    assert not list((tmp_path / "cut").glob(".work/*/*/epoch-00025"))
    # With another number at once: what they finished is of a seed, not of how many stood beside it.
    train(tmp_path / "cut", tokens, backbone, ablation, SEEDS[:2])
    train(tmp_path / "whole", tokens, backbone, ablation, SEEDS[:2])
    assert hashes(tmp_path / "cut" / "models") == hashes(tmp_path / "whole" / "models")


def test_the_error_of_a_seed_is_that_of_the_run(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation, params = make_ablation(epochs=2), make_params(SEEDS[:2], seeds_at_once=2)
    study, _ = prepare("a", ablation, params, 5, make_paths(tmp_path, tokens, backbone))
    study.work.mkdir(parents=True)
    # Held as by a process that outlived the run that had started it.
    with FileLock(study.work / "1.lock"), pytest.raises(FinesentError, match="another process") as caught:
        train(tmp_path, tokens, backbone, ablation, SEEDS[:2], seeds_at_once=2)
    assert caught.value.place.endswith("1.lock")
    assert "wait for it" in caught.value.remedy
    assert not (tmp_path / "models").exists()
    train(tmp_path, tokens, backbone, ablation, SEEDS[:2], seeds_at_once=2)
    assert (tmp_path / "models" / "a" / "1").exists()


def test_an_error_survives_the_way_between_processes() -> None:
    error = FinesentError("here", "this is wrong", "do that")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.place, copy.problem, copy.remedy) == ("here", "this is wrong", "do that")
    assert str(copy) == str(error)


def test_a_run_shares_batches_or_seeds() -> None:
    content = {"device": "cpu", "precision": "auto", "micro_batch": None, "processes": 2, "seeds_at_once": 2}
    with pytest.raises(FinesentError, match="shares batches or seeds"):
        parse(Train, content, "test")
