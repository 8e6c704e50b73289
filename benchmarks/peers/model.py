"""The model that peers train: the backbone, a mean over tokens, and our default head, written plainly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModel

from benchmarks.recipe import DROPOUT, SPREAD


class Classifier(nn.Module):
    """Encoder, mean over real tokens, two linear layers with tanh and dropout, which begin as BERT's do.

    The interface is what Hugging Face's Trainer wants: a forward pass takes labels and returns a loss.

    Args:
        backbone: folder of config and weights.
        classes: C.
    """

    def __init__(self, backbone: Path, classes: int) -> None:
        super().__init__()
        self._depth = 0
        self.encoder = AutoModel.from_pretrained(backbone, local_files_only=True, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.head = nn.Sequential(
            nn.Dropout(DROPOUT),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Dropout(DROPOUT),
            nn.Linear(width, classes),
        )
        for name, weight in self.head.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(weight, std=SPREAD)
            else:
                nn.init.zeros_(weight)
        self.learn(len(self.parts()))

    @property
    def frozen(self) -> bool:
        """Whether nothing of the encoder learns."""
        return self._depth == 0

    def parts(self) -> list[nn.Module]:
        """Return the encoder's layers, from the top, and last its embeddings."""
        return [*reversed(self.encoder.encoder.layer), self.encoder.embeddings]

    def learn(self, depth: int) -> None:
        """Let the ``depth`` uppermost parts of the encoder learn: its layers and, last, its embeddings."""
        self._depth = depth
        for number, part in enumerate(self.parts()):
            part.requires_grad_(number < depth)
        self.train(self.training)

    def train(self, mode: bool = True) -> Classifier:
        """Switch dropout on, but not that of frozen parts, which would cost time and change features."""
        super().train(mode)
        for part in self.parts()[self._depth :]:
            part.eval()
        return self

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, H) means over the real tokens."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean: torch.Tensor = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return mean

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return (B, C) ``logits`` and, where (B,) labels are given, their mean cross-entropy as ``loss``."""
        logits = self.head(self.features(input_ids, attention_mask))
        if labels is None:
            return {"logits": logits}
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def depth_at(epoch: int, unfreeze: dict[str, Any], parts: int) -> int:
    """Return how many of the ``parts`` learn in an epoch (counted from 1) by an ablation's ``unfreeze``."""
    if unfreeze["policy"] == "never" or epoch <= unfreeze["after"]:
        return 0
    if unfreeze["policy"] == "all":
        return parts
    return min(parts, 1 + int(epoch - unfreeze["after"] - 1) // int(unfreeze["every"]))


def accuracy(model: nn.Module, batches: Iterator[dict[str, torch.Tensor]]) -> float:
    """Return the share of rows, over all batches, that the model classifies right."""
    model.eval()
    right = rows = 0
    with torch.no_grad():
        for batch in batches:
            labels = batch["labels"]
            logits = model(batch["input_ids"], batch["attention_mask"])["logits"]
            right += int((logits.argmax(dim=1) == labels).sum())
            rows += len(labels)
    return right / rows
