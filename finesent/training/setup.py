"""What the seeds of an ablation start from: the study that they share, and each one's first weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from transformers import PreTrainedModel

from finesent.compiling import CompilingError
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.errors import FinesentError
from finesent.kernels.encoder import use_kernels
from finesent.kernels.library import Kernels, load_kernels
from finesent.models.classifier import Classifier
from finesent.models.device import choose_device, choose_precision
from finesent.models.engine import Engine
from finesent.models.heads import initialise
from finesent.models.recurrent import RecurrentNetwork
from finesent.params.ablation import Ablation, PretrainedEncoder
from finesent.params.train import TrainParams
from finesent.training.fingerprint import fingerprint
from finesent.training.loop import FrozenFeatures, Study
from finesent.training.losses import build_losses
from finesent.training.losses.base import TrainingData
from finesent.training.phases import Phases
from finesent.training.prefixes import shared_prefixes
from finesent.training.processes import Processes
from finesent.training.progress import Progress
from finesent.training.reinitialise import begun_anew, reinitialise
from finesent.training.starting import starting_encoder
from finesent.training.steps import MicroBatches
from finesent.training.streams import torch_stream


@dataclass(frozen=True)
class Paths:
    """Where an ablation reads from and writes to."""

    tokens: Path
    backbone: Path
    models: Path
    history: Path
    work: Path


def prepare(
    name: str, ablation: Ablation, params: TrainParams, classes: int, paths: Paths
) -> tuple[Study, Classifier]:
    """Return what all seeds share, and the classifier that each of them trains in its turn.

    Raises:
        FinesentError: an input is missing or impossible.
    """
    place = f"params.yaml: ablations.{name}"
    losses = build_losses(ablation, place)
    device = choose_device(params.train.device)
    processes = Processes(cpu=device.type == "cpu")
    engine = Engine(processes.device, choose_precision(params.train.precision, device))
    kernels = _kernels(params, engine)
    mark = _fingerprint(name, ablation, params, engine, processes, paths, kernels is not None)
    comparing = next((kind for kind, loss in losses.items() if loss.compares_rows), None)
    if comparing is not None:
        _require_whole_batches(ablation, params, processes, f"{place}.losses.{comparing}")
    rows = [phase.rows for phase in ablation.by_epoch()]
    phases = Phases(read_tokens(paths.tokens / "train.parquet"), rows, f"{place}.phases")
    train, dev = phases.train, read_tokens(paths.tokens / "dev.parquet")
    _require_classes(train, dev, classes, paths.tokens)
    for kind, loss in losses.items():
        loss.prepare(TrainingData(train.labels, classes, train.soft_labels), f"{place}.losses.{kind}")
    encoder = starting_encoder(ablation, train.encoding, paths.tokens / "words", paths.backbone)
    compiled = 0
    if kernels is not None and isinstance(encoder, PreTrainedModel):
        compiled = use_kernels(encoder, kernels)
    mix_layers = ablation.encoder.mix_layers if isinstance(ablation.encoder, PretrainedEncoder) else 1
    classifier = Classifier(encoder, ablation.pooling, ablation.head, classes, mix_layers)
    classifier.to(engine.device)
    if kernels is not None:
        # Nothing is added to a batch's gradient where it is computed at once.
        whole = processes.count == 1 and params.train.micro_batch is None
        engine.follow(classifier.encoder, half_gradients=whole)
    study = Study(
        name=name,
        ablation=ablation,
        losses=losses,
        phases=phases,
        dev=dev,
        engine=engine,
        frozen=_frozen_features(engine, classifier, train, dev),
        prefixes=shared_prefixes(ablation, losses, engine, classifier, train, dev),
        pretrained=_encoder_weights(classifier),
        anew=begun_anew(classifier, ablation.reinitialise, f"params.yaml: ablations.{name}.reinitialise"),
        micro_batches=MicroBatches(params.train.micro_batch, Progress.say, comparing),
        processes=processes,
        fingerprint=mark,
        work=paths.work / mark,
        checkpoint_seconds=params.train.checkpoint_seconds,
        kernels=kernels,
        compiled=compiled,
    )
    return study, classifier


def reset(study: Study, classifier: Classifier, seed: int) -> Study:
    """Give the classifier the weights that this seed starts from; return the study as this seed sees it.

    A pretrained encoder is as downloaded for every seed, but for the layers that begin anew. A recurrent one
    is drawn anew, so that neither its first weights nor its frozen features are another seed's.
    """
    # Drawn on the CPU and then moved, so that every device starts from the same weights.
    initialise(classifier.head.cpu(), torch_stream(seed, "head"))
    classifier.reader.cpu().initialise(torch_stream(seed, "reader"))
    if isinstance(classifier.encoder, RecurrentNetwork):
        classifier.encoder.cpu().initialise(torch_stream(seed, "encoder"))
        classifier.to(study.engine.device)
        frozen = _frozen_features(study.engine, classifier, study.phases.train, study.dev)
        return replace(study, pretrained=_encoder_weights(classifier), frozen=frozen)
    classifier.to(study.engine.device)
    with torch.no_grad():
        for key, parameter in classifier.named_parameters():
            if key in study.pretrained:
                parameter.copy_(study.pretrained[key])
    if study.anew:
        reinitialise(classifier, study.anew, seed)
        # What lies above layers that differ by seed differs too.
        return replace(
            study, frozen=_frozen_features(study.engine, classifier, study.phases.train, study.dev)
        )
    return study


@contextmanager
def only_one(work: Path) -> Iterator[None]:
    """Hold a lock on the checkpoints for as long as the block runs.

    Raises:
        FinesentError: another process holds it.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FinesentError(
            lock.lock_file,
            "another process is training this very configuration",
            "wait for it, or stop it, and run again",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _encoder_weights(classifier: Classifier) -> dict[str, torch.Tensor]:
    named = classifier.named_parameters()
    return {key: value.detach().clone() for key, value in named if key.startswith("encoder.")}


def _frozen_features(
    engine: Engine, classifier: Classifier, train: TokenizedSplit, dev: TokenizedSplit
) -> Callable[[], FrozenFeatures]:
    """A function that gives the features of the encoder before it learns, computing them at its first call.

    That first call comes in a frozen epoch, when the classifier's encoder still is as it began.
    """

    @cache
    def features() -> FrozenFeatures:
        return FrozenFeatures.of(engine, classifier, train, dev)

    return features


def _kernels(params: TrainParams, engine: Engine) -> Kernels | None:
    """The compiled operations, where they are wanted and can be had."""
    if params.train.kernels == "off" or engine.device.type != "cpu":
        return None
    try:
        return load_kernels()
    except CompilingError as error:
        Progress.say(
            f"nothing is compiled ({error}): a layer computes with PyTorch's operations, more slowly"
        )
        return None


def _fingerprint(
    name: str,
    ablation: Ablation,
    params: TrainParams,
    engine: Engine,
    processes: Processes,
    paths: Paths,
    compiled: bool,
) -> str:
    # With the name, because ablations of equal blocks may train at once and must not share a work folder.
    return fingerprint(
        {
            "name": name,
            "ablation": ablation.model_dump(mode="json"),
            # How many seeds there are beside one does not change it, but for the threads below.
            "train": params.train.model_dump(
                mode="json", exclude={"seeds_at_once", "checkpoint_seconds", "kernels"}
            ),
        },
        [
            paths.tokens / "train.parquet",
            paths.tokens / "dev.parquet",
            paths.tokens / "words",
            paths.backbone,
        ],
        {"device": engine.device.type, "precision": engine.precision, "threads": torch.get_num_threads()}
        | {"processes": processes.count, "compiled": compiled},
    )


def _require_whole_batches(ablation: Ablation, params: TrainParams, processes: Processes, place: str) -> None:
    """Refuse params that cut batches, where a loss compares their rows."""
    micro_batch, sentences = params.train.micro_batch, ablation.batch.sentences
    cut = "train.processes" if processes.count > 1 else ""
    if micro_batch is not None and (sentences is None or micro_batch < sentences):
        cut = "train.micro_batch"
    if cut:
        raise FinesentError(
            place,
            f"compares the rows of a batch, and {cut} would cut it: that would be another loss",
            "leave train.micro_batch empty and set train.processes to 1",
        )


def _require_classes(train: TokenizedSplit, dev: TokenizedSplit, classes: int, tokens: Path) -> None:
    for name, split in (("train", train), ("dev", dev)):
        present = set(split.labels.tolist())
        absent = sorted(set(range(classes)) - present)
        if absent or not present <= set(range(classes)):
            raise FinesentError(
                str(tokens / f"{name}.parquet"),
                f"has labels {sorted(present)}, where every one of 0..{classes - 1} is needed and no other",
                "run `dvc repro` from clean on, with more rows or another split",
            )
