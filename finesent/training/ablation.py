"""Training one ablation with every seed, one after the other or side by side, and keeping what came of it."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from finesent.files import replacing
from finesent.models.classifier import Classifier
from finesent.models.recurrent import RecurrentNetwork
from finesent.models.saving import Description, save_dev_logits, save_encoder, save_head
from finesent.params.ablation import Ablation
from finesent.params.train import TrainParams
from finesent.training.at_once import Job, seeds_at_once, take_share, train_at_once
from finesent.training.checkpoint import RunState
from finesent.training.history import EpochRecord, write_history
from finesent.training.loop import Run, Study
from finesent.training.selection import is_collapsed
from finesent.training.setup import Paths, only_one, prepare, reset


@dataclass(frozen=True)
class Outcome:
    """What came of an ablation: dev accuracy by seed, and the seeds that collapsed."""

    dev_accuracy: dict[int, float]
    collapsed: list[int]


def work_folder() -> Path:
    """The folder of checkpoints: at the root of the DVC project, also for queued experiments."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".work"


def train_ablation(name: str, ablation: Ablation, params: TrainParams, classes: int, paths: Paths) -> Outcome:
    """Train every seed and put models and history in place together.

    Raises:
        FinesentError: an input is missing or impossible; another process trains the same configuration.
    """
    take_share(params)
    study, classifier = prepare(name, ablation, params, classes, paths)
    with only_one(study.work) if study.processes.is_main else nullcontext():
        if seeds_at_once(params) > 1:
            # Each then goes on after its last epoch, below, which takes no time.
            train_at_once(Job(name, ablation, params, classes, paths))
        outcome = _train_seeds(study, classifier, params.seeds, paths)
        study.processes.wait()
        if study.processes.is_main:
            shutil.rmtree(study.work, ignore_errors=True)
    return outcome


def _train_seeds(study: Study, classifier: Classifier, seeds: list[int], paths: Paths) -> Outcome:
    records: list[EpochRecord] = []
    accuracies: dict[int, float] = {}
    with replacing(paths.models, within=study.work) if study.processes.is_main else nullcontext() as folder:
        for seed in seeds:
            state = Run(reset(study, classifier, seed), classifier, seed).train()
            for record in state.records:
                record.selected = int(record.epoch == state.best_epoch)
            records += state.records
            accuracies[seed] = state.records[state.best_epoch - 1].dev_accuracy
            if folder is not None:
                _save(study, classifier, state, seed, folder)
        if folder is not None:
            write_history(paths.history, records)
    collapsed = [seed for seed, accuracy in accuracies.items() if is_collapsed(accuracy, study.dev.labels)]
    return Outcome(accuracies, collapsed)


def _save(study: Study, classifier: Classifier, state: RunState, seed: int, folder: Path) -> None:
    # A recurrent encoder is a seed's own from its first weights on.
    own = any(key.startswith("encoder.") for key in state.best)
    own = own or isinstance(classifier.encoder, RecurrentNetwork)
    where = "encoder" if own else "../encoder"
    target = folder / str(seed)
    target.mkdir(parents=True)
    if own or not (folder / "encoder").exists():
        save_encoder(classifier.encoder, target / where)
    description = Description(
        ablation=study.name,
        seed=seed,
        classes=classifier.classes,
        pooling=study.ablation.pooling,
        head=study.ablation.head.model_dump(),
        encoder=where,
        encoding=study.phases.train.encoding,
        training={
            "best_epoch": state.best_epoch,
            "epochs": state.epoch,
            "device": study.engine.device.type,
            "precision": study.engine.precision,
            "compiled_layers": study.compiled,
            "torch": version("torch"),
            "transformers": version("transformers"),
        },
        mix_layers=classifier.mix_layers,
    )
    save_head(classifier, description, target)
    save_dev_logits(state.dev["logits"], target)
