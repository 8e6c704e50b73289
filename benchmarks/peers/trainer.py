"""Hugging Face's Trainer on the task: at its defaults, or with ``--tuned`` at its best on this hardware."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from benchmarks.peers.model import Classifier, accuracy
from benchmarks.recipe import BATCH, LEARNING_RATE, MAX_LENGTH
from benchmarks.task import Task, arguments, encoder_weights, task_of, tell


class Stopwatch(TrainerCallback):
    """Takes the seconds of every epoch's training."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._started = 0.0

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self._started = time.perf_counter()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self._started)


# Trainer at its best on this hardware.
TUNED: dict[str, Any] = {
    "optim": "adamw_torch_fused",
    # What the processor multiplies fastest; Trainer runs it as autocast.
    "bf16": True,
    # Little padding: rows of similar length share a batch. Lengths are given, not computed anew.
    "train_sampling_strategy": "group_by_length",
    "length_column_name": "length",
    # Nothing that is no training.
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
    # There is no device to copy to.
    "dataloader_pin_memory": False,
}


def settings(task: Task, tuned: bool, folder: str) -> TrainingArguments:
    """Return Trainer's settings; what is not named here is Trainer's own default.

    AdamW as one fused kernel, linear decay, a gradient norm of 1, no weight decay and a data loader without
    workers of its own are defaults by now, so that both settings have them.
    """
    chosen: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "num_train_epochs": task.epochs,
        "seed": task.seed,
        # The machine may have a GPU; ours is measured on the CPU.
        "use_cpu": True,
    }
    return TrainingArguments(**chosen, **(TUNED if tuned else {}))


def tokenized(
    rows: tuple[list[str], list[int]],
    tokenizer: PreTrainedTokenizerBase,
    tuned: bool,
    max_length: int = MAX_LENGTH,
) -> tuple[Dataset, int]:
    """Return unpadded rows, with their lengths where those are asked for, and the tokens in all of them."""
    texts, labels = rows
    encoded = tokenizer(texts, truncation=True, max_length=max_length)
    columns = {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "labels": labels,
    }
    lengths = [len(ids) for ids in encoded["input_ids"]]
    return Dataset.from_dict(columns | ({"length": lengths} if tuned else {})), sum(lengths)


def batches(
    rows: Dataset, collate: DataCollatorWithPadding, size: int = BATCH
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the rows in order, each batch padded to its longest."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield collate([dict(zip(part, values, strict=True)) for values in zip(*part.values(), strict=True)])


def main() -> None:
    """Train as the command line says, and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--tuned", action="store_true", help="bf16, rows grouped by length, nothing saved")
    parser.add_argument("--frozen", action="store_true", help="the head alone learns")
    options = parser.parse_args()
    task = task_of(options)
    set_seed(task.seed)
    tokenizer = AutoTokenizer.from_pretrained(task.backbone, local_files_only=True)
    train, tokens = tokenized(task.train(), tokenizer, options.tuned)
    dev, _ = tokenized(task.dev(), tokenizer, tuned=False)
    model = Classifier(task.backbone, max(dev["labels"]) + 1)
    if options.frozen:
        model.learn(0)
    collate = DataCollatorWithPadding(tokenizer)
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="trainer-") as folder:
        Trainer(
            model=model,
            args=settings(task, options.tuned, folder),
            train_dataset=train,
            data_collator=collate,
            callbacks=[stopwatch],
        ).train()
    tell(
        len(train),
        tokens,
        stopwatch.seconds,
        encoder_weights(model.encoder.named_parameters()),
        accuracy(model, batches(dev, collate)),
    )


if __name__ == "__main__":
    main()
