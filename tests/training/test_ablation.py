"""Whole runs on a tiny backbone: learning, sharing, resuming, and ending bit for bit the same."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from finesent.data.tokens import read_tokens
from finesent.errors import FinesentError
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.models.engine import Engine, all_features
from finesent.training import loop, setup
from finesent.training.ablation import train_ablation
from finesent.training.checkpoint import RunState
from finesent.training.loop import Run
from finesent.training.losses.triplet import Triplet
from finesent.training.progress import Progress
from finesent.training.setup import Paths
from tests.conftest import write_tokens
from tests.training.helpers import (
    Interrupted,
    hashes,
    history,
    interrupted_before,
    make_ablation,
    make_params,
    make_paths,
    timeless,
    train,
)

AFTER_1 = {"policy": "all", "after": 1}


ABLATIONS = {
    "baseline": make_ablation(epochs=12, learning_rate={"head": 0.05, "backbone": 0.01}),
    "after-n": make_ablation(unfreeze=AFTER_1, epochs=12, learning_rate={"head": 0.02, "backbone": 0.01}),
    "layerwise": make_ablation(
        unfreeze={"policy": "top-down", "after": 0, "every": 1},
        epochs=12,
        learning_rate={"head": 0.02, "backbone": 0.01},
    ),
    "triplet": make_ablation(
        unfreeze=AFTER_1,
        epochs=12,
        losses={"triplet": {"weight": 0.2, "normalise": True}},
        learning_rate={"head": 0.02, "backbone": 0.01},
    ),
}


@pytest.mark.parametrize("name", ["after-n", "layerwise", "triplet"])
def test_fine_tuning_learns_what_the_data_holds(
    name: str, tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    outcome = train(tmp_path, tokens, backbone, ABLATIONS[name], [0])
    # One word decides the class; chance is 0.2.
    assert outcome.dev_accuracy[0] > 0.8
    assert outcome.collapsed == []


def test_a_run_that_learns_nothing_is_flagged(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    still = make_ablation(epochs=1, learning_rate={"head": 1e-9, "backbone": 1e-9})
    outcome = train(tmp_path, tokens, backbone, still, list(range(6)))
    # Five equal classes: the majority has 0.2. Some random heads guess luckily, the others are flagged.
    assert outcome.collapsed == [seed for seed, accuracy in outcome.dev_accuracy.items() if accuracy <= 0.22]
    assert outcome.collapsed


def test_the_same_run_twice_gives_the_same_bytes(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = make_ablation(unfreeze=AFTER_1, epochs=3)
    for name in ("one", "two"):
        train(tmp_path / name, tokens, backbone, ablation, [0, 1])
    assert hashes(tmp_path / "one" / "models") == hashes(tmp_path / "two" / "models")
    assert timeless(tmp_path / "one") == timeless(tmp_path / "two")
    assert len(hashes(tmp_path / "one" / "models")) == 2 * 5


def test_a_seed_trains_alike_whatever_seeds_come_before(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = make_ablation(unfreeze={"policy": "top-down", "after": 1, "every": 1}, epochs=4)
    train(tmp_path / "alone", tokens, backbone, ablation, [2])
    train(tmp_path / "third", tokens, backbone, ablation, [0, 1, 2])
    alone, third = (hashes(tmp_path / name / "models" / "a" / "2") for name in ("alone", "third"))
    assert alone == third


def test_seeds_differ(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    train(tmp_path, tokens, backbone, make_ablation(epochs=1), [0, 1])
    first, second = (load_file(tmp_path / "models/a" / seed / "head.safetensors") for seed in ("0", "1"))
    assert not torch.equal(first["1.weight"], second["1.weight"])


def test_a_frozen_encoder_is_kept_once_and_unchanged(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    train(tmp_path, tokens, backbone, make_ablation(epochs=2), [0, 1])
    assert {path.name for path in (tmp_path / "models" / "a").iterdir()} == {"encoder", "0", "1"}
    saved = load_file(tmp_path / "models" / "a" / "encoder" / "model.safetensors")
    original = load_file(backbone / "model.safetensors")
    assert all(torch.equal(saved[name], original[name]) for name in saved)


def test_what_unfreezing_changed_after_the_best_epoch_is_undone(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    # A destructive second phase: the best epoch is a frozen one, and its encoder is the pretrained one.
    destructive = make_ablation(
        unfreeze=AFTER_1,
        epochs=3,
        learning_rate={"head": 0.01, "backbone": 1.0},
        max_grad_norm=None,
        select="loss",
    )
    train(tmp_path, tokens, backbone, destructive, [0])
    rows = history(tmp_path)
    assert [row["selected"] for row in rows] == ["1", "0", "0"]
    saved = load_file(tmp_path / "models" / "a" / "encoder" / "model.safetensors")
    original = load_file(backbone / "model.safetensors")
    assert all(torch.equal(saved[name], original[name]) for name in saved)


def test_history_tells_layers_rates_and_the_chosen_epoch(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    layerwise = make_ablation(unfreeze={"policy": "top-down", "after": 1, "every": 1}, epochs=5)
    train(tmp_path, tokens, backbone, layerwise, [0, 3])
    rows = history(tmp_path)
    assert [row["seed"] for row in rows] == ["0"] * 5 + ["3"] * 5
    assert [row["trainable_layers"] for row in rows[:5]] == ["0", "1", "2", "3", "3"]
    assert float(rows[0]["learning_rate_backbone"]) == 0 < float(rows[1]["learning_rate_backbone"])
    assert [row["step"] for row in rows[:5]] == ["20", "40", "60", "80", "100"]
    for seed in (rows[:5], rows[5:]):
        scores = [float(row["dev_accuracy"]) + float(row["dev_macro_f1"]) for row in seed]
        assert [row["selected"] for row in seed].index("1") == int(np.argmax(scores))


def test_history_tells_what_the_run_took(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    train(tmp_path, tokens, backbone, make_ablation(unfreeze=AFTER_1, epochs=2), [0])
    frozen, learning = history(tmp_path)
    head = load_file(tmp_path / "models/a/0/head.safetensors")
    encoder = load_file(backbone / "model.safetensors")
    in_head, in_encoder = (sum(tensor.numel() for tensor in part.values()) for part in (head, encoder))
    assert int(frozen["parameters"]) == int(learning["parameters"]) == in_head + in_encoder
    assert int(frozen["trainable_parameters"]) == in_head
    assert int(learning["trainable_parameters"]) == in_head + in_encoder
    assert 50e6 < int(frozen["peak_memory"]) <= int(learning["peak_memory"]) < 50e9
    assert (frozen["device"], frozen["precision"]) == ("cpu", "float32")


def test_micro_batches_train_alike_up_to_rounding(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    # Without dropout the pieces of a batch see what the whole batch sees.
    ablation = make_ablation(epochs=2, head={"dropout": 0.0})
    for name, size in (("whole", None), ("pieces", 3)):
        train(tmp_path / name, tokens, backbone, ablation, [0], micro_batch=size)
    whole, pieces = (load_file(tmp_path / n / "models/a/0/head.safetensors") for n in ("whole", "pieces"))
    assert all(torch.allclose(whole[key], pieces[key], atol=1e-5) for key in whole)


@pytest.mark.parametrize(
    "loss", [{"scl": {"weight": 0.5}}, {"triplet": {"weight": 0.2, "mining": "batch-hard"}}]
)
def test_batches_whose_rows_are_compared_are_not_to_be_cut(
    tmp_path: Path, tokens: Path, backbone: Path, loss: dict[str, Any]
) -> None:
    ablation = make_ablation(epochs=1, losses=loss, unfreeze={"policy": "all", "after": 0})
    with pytest.raises(FinesentError, match=r"train\.micro_batch would cut it") as caught:
        train(tmp_path, tokens, backbone, ablation, [0], micro_batch=7)
    assert caught.value.place == f"params.yaml: ablations.a.losses.{next(iter(loss))}"
    # A batch has eight.
    train(tmp_path, tokens, backbone, ablation, [0], micro_batch=8)


def test_cached_features_are_those_of_the_encoder_in_any_batch(tokens: Path, backbone: Path) -> None:
    ablation = make_ablation()
    classifier = Classifier(load_encoder(backbone), "mean", ablation.head, 5)
    classifier.set_depth(0)
    split, engine = read_tokens(tokens / "train.parquet"), Engine(torch.device("cpu"), "float32")
    cached = all_features(engine, classifier, split, tokens=64)
    rows = np.array([5, 59, 0, 17])
    with torch.no_grad():
        assert torch.allclose(cached[rows], engine.encode(classifier, split, rows), atol=1e-6)
    assert not cached.requires_grad


def test_patience_waits_until_everything_learns(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    stuck = make_ablation(
        unfreeze={"policy": "all", "after": 4},
        epochs=20,
        patience=2,
        learning_rate={"head": 1e-9, "backbone": 1e-9},
    )
    train(tmp_path, tokens, backbone, stuck, [0])
    # Nothing ever improves after the first epoch; counting begins at epoch 5, where the encoder joins.
    assert len(history(tmp_path)) == 7


def test_the_triplet_term_draws_companions_only_while_the_encoder_learns(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    original = Triplet.draw_companions

    def count(self: Triplet, labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        drawn.append(len(labels))
        return original(self, labels, generator)

    monkeypatch.setattr(Triplet, "draw_companions", count)
    ablation = make_ablation(
        losses={"triplet": {"weight": 0.2}}, unfreeze={"policy": "all", "after": 2}, epochs=5
    )
    train(tmp_path, tokens, backbone, ablation, [0])
    assert drawn == [160] * 3


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_epoch(
    tmp_path: Path, tokens: Path, backbone: Path
) -> None:
    explosive = make_ablation(
        unfreeze=AFTER_1,
        epochs=40,
        max_grad_norm=None,
        learning_rate={"head": 1e-12, "backbone": 1.0},
        weight_decay=1e9,
        schedule={"shape": "constant"},
    )
    with pytest.raises(FinesentError, match="no longer"):
        train(tmp_path, tokens, backbone, explosive, [0])
    assert not (tmp_path / "models" / "a").exists()
    assert list((tmp_path / ".work").glob("*/0/epoch-*"))


def test_train_never_opens_test(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    without = tmp_path / "tokens"
    without.mkdir()
    for split in ("train", "dev"):
        shutil.copy(tokens / f"{split}.parquet", without)
    train(tmp_path, without, backbone, make_ablation(epochs=1), [0])


def test_a_class_absent_from_dev_is_refused(tmp_path: Path, backbone: Path) -> None:
    folder = write_tokens(tmp_path / "tokens", backbone, {"train": 20, "dev": 4})
    with pytest.raises(FinesentError, match=r"dev\.parquet.*\[0, 1, 2, 3\]"):
        train(tmp_path, folder, backbone, make_ablation(), [0])


def test_two_processes_do_not_train_the_same_run(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "_fingerprint", lambda *_: "f")
    (tmp_path / ".work").mkdir()
    with FileLock(tmp_path / ".work" / "f.lock"), pytest.raises(FinesentError, match="another process"):
        train(tmp_path, tokens, backbone, make_ablation(epochs=1), [0])
    assert not (tmp_path / "models").exists()
    train(tmp_path, tokens, backbone, make_ablation(epochs=1), [0])


def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablation = make_ablation(unfreeze={"policy": "top-down", "after": 1, "every": 1}, epochs=5)
    train(tmp_path / "whole", tokens, backbone, ablation, [0, 1])
    epochs: list[tuple[int, int]] = []
    original = loop.Run._epoch

    def watched(self: loop.Run, epoch: int, progress: Any) -> None:
        epochs.append((self.seed, epoch))
        if len(epochs) in (3, 8):
            raise Interrupted
        original(self, epoch, progress)

    monkeypatch.setattr(loop.Run, "_epoch", watched)
    for _ in range(2):
        with pytest.raises(Interrupted):
            train(tmp_path / "parts", tokens, backbone, ablation, [0, 1])
        assert not (tmp_path / "parts" / "models" / "a").exists()
    train(tmp_path / "parts", tokens, backbone, ablation, [0, 1])
    assert epochs == [
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 3),
        (0, 4),
        (0, 5),
        (1, 1),
        (1, 2),
        *((1, e) for e in (2, 3, 4, 5)),
    ]
    assert hashes(tmp_path / "whole" / "models") == hashes(tmp_path / "parts" / "models")
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "parts")
    assert not list((tmp_path / "parts" / ".work").glob("*/*"))


def test_another_configuration_does_not_resume_this_one(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    with interrupted_before(epoch=2):
        train(tmp_path, tokens, backbone, make_ablation(epochs=3), [0])
    train(tmp_path, tokens, backbone, make_ablation(epochs=4), [0])
    train(tmp_path / "fresh", tokens, backbone, make_ablation(epochs=4), [0])
    assert hashes(tmp_path / "models") == hashes(tmp_path / "fresh" / "models")


def test_what_no_checkpoint_holds_is_trained_again(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    ablation = make_ablation(epochs=3, unfreeze=AFTER_1)
    with interrupted_before(epoch=3):
        train(tmp_path, tokens, backbone, ablation, [0], checkpoint_seconds=3600)
    assert not list((tmp_path / ".work").glob("*/*/epoch-*"))
    train(tmp_path / "whole", tokens, backbone, ablation, [0])
    train(tmp_path, tokens, backbone, ablation, [0], checkpoint_seconds=3600)
    assert hashes(tmp_path / "models") == hashes(tmp_path / "whole" / "models")


def test_a_finished_seed_is_not_trained_again(
    tmp_path: Path, tokens: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablation = make_ablation(epochs=2, unfreeze=AFTER_1)
    train(tmp_path / "whole", tokens, backbone, ablation, [0, 1])
    original = Run.train

    def only_the_first(self: Run) -> RunState:
        if self.seed == 1:
            raise Interrupted
        return original(self)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Run, "train", only_the_first)
        train(tmp_path, tokens, backbone, ablation, [0, 1], checkpoint_seconds=3600)

    trained = []
    epoch = Run._epoch

    def noted(self: Run, number: int, progress: Progress) -> None:
        trained.append((self.seed, number))
        epoch(self, number, progress)

    monkeypatch.setattr(Run, "_epoch", noted)
    # How often states are written is no part of what makes a run the same.
    train(tmp_path, tokens, backbone, ablation, [0, 1], checkpoint_seconds=0)
    assert trained == [(1, 1), (1, 2)]
    assert hashes(tmp_path / "models") == hashes(tmp_path / "whole" / "models")


def test_ablations_of_equal_blocks_share_no_work_folder(tmp_path: Path, tokens: Path, backbone: Path) -> None:
    paths = make_paths(tmp_path, tokens, backbone)
    for name in ("a", "b", "a"):
        with interrupted_before(epoch=2):
            train_ablation(name, make_ablation(epochs=2), make_params([0]), 5, paths)
    assert len(list((tmp_path / ".work").glob("*/0/epoch-*"))) == 2


# With everything that a checkpoint has to carry.
KILLED = make_ablation(
    unfreeze={"policy": "top-down", "after": 2, "every": 3},
    epochs=14,
    losses={"triplet": {"weight": 0.2}},
    learning_rate={"layer_decay": 0.8},
    reinitialise=1,
    average={"kind": "ema", "decay": 0.9, "from_epoch": 2},
)


def run_in_process(paths: Paths, seeds: list[int]) -> None:
    """What the killed process runs."""
    # One thread, here and in the uninterrupted run: the bits of a sum depend on how it is shared out.
    torch.set_num_threads(1)
    train_ablation("a", KILLED, make_params(seeds), 5, paths)


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that begin with PyTorch loaded, so that a kill falls into training and not into imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["finesent.training.ablation", "tests.training.helpers", "sklearn.metrics"]
    )
    with pytest.MonkeyPatch.context() as patch:
        # The server that preloads is a fresh interpreter and does not know pytest's path.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        yield context


def test_ten_kills_at_random_moments_change_no_bit(
    tmp_path: Path, tokens: Path, backbone: Path, processes: ForkServerContext
) -> None:
    seeds = [0, 1]
    whole = make_paths(tmp_path / "whole", tokens, backbone)
    process = processes.Process(target=run_in_process, args=(whole, seeds))
    started = time.perf_counter()
    process.start()
    process.join()
    assert process.exitcode == 0
    lasted = time.perf_counter() - started

    killed = make_paths(tmp_path / "killed", tokens, backbone)
    kills = 0
    while kills < 10:
        process = processes.Process(target=run_in_process, args=(killed, seeds))
        process.start()
        time.sleep(random.uniform(0.05, 1.0) * lasted / 4)
        process.kill()
        process.join()
        if (
            process.exitcode == 0
        ):  # It was done before the kill came: begin anew, so that ten are really killed.
            shutil.rmtree(tmp_path / "killed")
            continue
        kills += 1
    process = processes.Process(target=run_in_process, args=(killed, seeds))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert hashes(whole.models) == hashes(killed.models)
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "killed")
