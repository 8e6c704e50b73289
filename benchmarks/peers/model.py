"""The model that peers train: the backbone, a mean over tokens, and our default head, written plainly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModel

from benchmarks.recipe import DROPOUT


class Classifier(nn.Module):
    """Encoder, mean over real tokens, two linear layers with tanh and dropout.

    The interface is what Hugging Face's Trainer wants: a forward pass takes labels and returns a loss.

    Args:
        backbone: folder of config and weights.
        classes: C.
    """

    def __init__(self, backbone: Path, classes: int) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(backbone, local_files_only=True, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.head = nn.Sequential(
            nn.Dropout(DROPOUT),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Dropout(DROPOUT),
            nn.Linear(width, classes),
        )

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return (B, C) ``logits`` and, where (B,) labels are given, their mean cross-entropy as ``loss``."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        logits = self.head((states * weights).sum(dim=1) / weights.sum(dim=1))
        if labels is None:
            return {"logits": logits}
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


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
