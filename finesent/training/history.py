"""What happened in each epoch of each seed: a row of plots/<ablation>/history.csv."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from finesent.files import replacing


@dataclass
class EpochRecord:
    """One epoch.

    Attributes:
        seed: of the run.
        epoch: counted from 1.
        step: optimizer steps so far.
        trainable_layers: parts of the encoder that learned, from the top; the embeddings are the last.
        learning_rate_head: at the last step.
        learning_rate_backbone: at the last step, the lowest in the encoder; 0 while frozen.
        train_loss: mean objective over the epoch's batches.
        train_accuracy: share of train, each sentence judged in its own training step: with dropout, and
            by the weights of that moment, so that it lags behind dev's while the model learns fast.
        gradient_norm: mean over the epoch's steps, before clipping.
        dev_loss: mean cross-entropy in nats.
        dev_accuracy: share of dev.
        dev_macro_f1: on dev.
        seconds: of training and dev scoring.
        sentences_per_second: training sentences over the training's part of ``seconds``.
        parameters: of encoder and head.
        trainable_parameters: those of them that learned.
        peak_memory: of the process so far, or of its share of the GPU, in bytes; a resumed run counts anew.
        device: ``cpu`` or the name of the GPU.
        precision: of matrix products, ``bf16`` or ``float32``.
        selected: 1 for the epoch whose weights are kept.
    """

    seed: int
    epoch: int
    step: int
    trainable_layers: int
    learning_rate_head: float
    learning_rate_backbone: float
    train_loss: float
    train_accuracy: float
    gradient_norm: float
    dev_loss: float
    dev_accuracy: float
    dev_macro_f1: float
    seconds: float
    sentences_per_second: float
    parameters: int
    trainable_parameters: int
    peak_memory: int
    device: str
    precision: str
    selected: int = 0


def write_history(path: Path, records: list[EpochRecord]) -> None:
    """Write the records as csv, atomically."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(EpochRecord)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(record) for record in records)
