"""The default study's training with Hugging Face's Trainer, at its best settings on this hardware.

Run as ``python -m benchmarks.peers.study ROUND`` in the project that ``benchmarks.workspace.default_project``
made. Every ablation of ablations.json is trained with every seed of the round, for the same epochs and by the
same recipe: the head begins alike, the encoder is frozen as long, then learns as a whole or from the top
down, each part with a warm-up of its own, and the triplet loss gets its companions in the anchors' own pass.
Every epoch ends with dev.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from torch.nn import functional
from transformers import (
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from benchmarks.by_ablation import seeds_of_round, told
from benchmarks.peers.model import Classifier, depth_at
from benchmarks.peers.schedule import groups_of, schedule_of
from benchmarks.peers.trainer import TUNED, tokenized

_DATA = Path("data")
_DEV_BATCH = 128


class TripletClassifier(Classifier):
    """Adds a triplet loss where a batch has two further rows for each label: positives, then negatives."""

    weight = margin = 0.0

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return logits of the labelled rows and the weighted sum of both losses.

        While the encoder is frozen the triplet loss has no gradient, and the companions are left out.
        """
        if labels is not None and self.frozen:
            input_ids, attention_mask = input_ids[: len(labels)], attention_mask[: len(labels)]
        if labels is None or len(labels) == len(input_ids):
            return super().forward(input_ids, attention_mask, labels)
        anchors, positives, negatives = self.features(input_ids, attention_mask).chunk(3)
        logits = self.head(anchors)
        near, far = ((anchors - other).square().sum(dim=1) for other in (positives, negatives))
        triplet = functional.relu(near - far + self.margin).mean()
        return {"loss": functional.cross_entropy(logits, labels) + self.weight * triplet, "logits": logits}


class WithCompanions:
    """Collates anchors with a drawn row of their class each, and one of a neighbouring class."""

    def __init__(self, rows: Dataset, collate: DataCollatorWithPadding, seed: int) -> None:
        self._rows, self._collate = rows, collate
        self._generator = np.random.default_rng(seed)
        labels = np.array(rows["labels"])
        self._members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad anchors, positives and negatives to one length."""
        labels = [int(row["labels"]) for row in rows]
        positives = [self._draw([label]) for label in labels]
        negatives = [self._draw([label - 1, label + 1]) for label in labels]
        texts = [{key: row[key] for key in ("input_ids", "attention_mask")} for row in rows]
        drawn = self._rows[positives + negatives]
        ids, masks = drawn["input_ids"], drawn["attention_mask"]
        texts += [{"input_ids": own, "attention_mask": mask} for own, mask in zip(ids, masks, strict=True)]
        batch: dict[str, torch.Tensor] = self._collate(texts)
        return {**batch, "labels": torch.tensor(labels)}

    def _draw(self, classes: list[int]) -> int:
        known = [label for label in classes if label in self._members]
        row: np.int64 = self._generator.choice(self._members[int(self._generator.choice(known))])
        return int(row)


class StudyTrainer(Trainer):
    """Trainer whose training batches may be collated in another way than those of dev."""

    training_collator: WithCompanions | None = None

    def get_train_dataloader(self) -> Any:
        """Return the training batches."""
        usual = self.data_collator
        self.data_collator = self.training_collator or usual
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = usual


class Unfreezing(TrainerCallback):
    """Lets the encoder learn as an ablation says, from the epoch on that it says."""

    def __init__(self, model: Classifier, unfreeze: dict[str, Any]) -> None:
        self._model, self._rules = model, unfreeze
        self._begun = 0

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Freeze and unfreeze for the epoch."""
        self._begun += 1
        self._model.learn(depth_at(self._begun, self._rules, len(self._model.parts())))


def shown(file: Path, rules: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Return a split's rows, tokenized as an input shows them, with their lengths."""
    rows = pq.read_table(file)
    texts = [rules["template"].replace("{text}", text) for text in rows["text"].to_pylist()]
    return tokenized((texts, rows["label"].to_pylist()), tokenizer, True, rules["max_length"])[0]


def settings(ablation: dict[str, Any], seed: int, folder: str) -> TrainingArguments:
    """Return Trainer's settings: the ablation's, and else the tuned ones."""
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=ablation["batch"]["sentences"],
        per_device_eval_batch_size=_DEV_BATCH,
        num_train_epochs=ablation["epochs"],
        max_grad_norm=ablation["max_grad_norm"],
        seed=seed,
        use_cpu=True,
        eval_strategy="epoch",
        **TUNED,
    )


def train(
    ablation: dict[str, Any],
    seed: int,
    train_rows: Dataset,
    dev_rows: Dataset,
    tokenizer: PreTrainedTokenizerBase,
) -> float:
    """Train one seed of an ablation and return the dev accuracy after its last epoch."""
    set_seed(seed)
    classes = max(dev_rows["labels"]) + 1
    collate: Any = DataCollatorWithPadding(tokenizer)
    model: Classifier
    if triplet := ablation["losses"].get("triplet"):
        model = TripletClassifier(_DATA / "backbone", classes)
        model.weight, model.margin = triplet["weight"], triplet["margin"]
    else:
        model = Classifier(_DATA / "backbone", classes)
    groups = groups_of(model, ablation)
    optimizer = torch.optim.AdamW(groups, fused=True)
    steps = ablation["epochs"] * math.ceil(len(train_rows) / ablation["batch"]["sentences"])
    schedule = schedule_of(optimizer, ablation["schedule"], steps)
    with tempfile.TemporaryDirectory(prefix="trainer-") as folder:
        trainer = StudyTrainer(
            model=model,
            args=settings(ablation, seed, folder),
            train_dataset=train_rows,
            eval_dataset=dev_rows,
            data_collator=collate,
            compute_metrics=_accuracy,
            callbacks=[Unfreezing(model, ablation["unfreeze"])],
            optimizers=(optimizer, schedule),
        )
        if triplet:
            trainer.training_collator = WithCompanions(train_rows, collate, seed)
        trainer.train()
        scores = [entry["eval_accuracy"] for entry in trainer.state.log_history if "eval_accuracy" in entry]
        return float(scores[-1])


def _accuracy(predicted: EvalPrediction) -> dict[str, float]:
    guesses = np.asarray(predicted.predictions).argmax(axis=1)
    return {"accuracy": float((guesses == predicted.label_ids).mean())}


def main() -> None:
    """Train the whole study with the seeds of a round, and print its figures."""
    study = json.loads(Path("ablations.json").read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(_DATA / "backbone", local_files_only=True)
    inputs: dict[str, tuple[Dataset, Dataset]] = {}
    sentences = tokens = 0
    accuracies: list[float] = []
    apart: dict[str, float] = {}
    for name, block in study["ablations"].items():
        ablation, rules = block["ablation"], block["input"]
        if ablation["input"] not in inputs:
            inputs[ablation["input"]] = (
                shown(_DATA / "sampled" / "train.parquet", rules, tokenizer),
                # By length, for little padding.
                shown(_DATA / "clean" / "dev.parquet", rules, tokenizer).sort("length"),
            )
        train_rows, dev_rows = inputs[ablation["input"]]
        seeds = seeds_of_round(len(study["seeds"]), int(sys.argv[1]))
        started = time.perf_counter()
        scores = [train(ablation, seed, train_rows, dev_rows, tokenizer) for seed in seeds]
        apart |= told(name, time.perf_counter() - started, scores)
        accuracies += scores
        sentences += len(seeds) * len(train_rows) * ablation["epochs"]
        tokens += len(seeds) * sum(train_rows["length"]) * ablation["epochs"]
    figures = {
        "total_sentences": sentences,
        "total_tokens": tokens,
        "dev_accuracy": sum(accuracies) / len(accuracies),
        **apart,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
