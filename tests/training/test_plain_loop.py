"""Whole runs beside the same training written out plainly: the short cuts of the engine change nothing.

The plain loop encodes every row anew in each step, anchors, positives and negatives one after the other,
pads to one length, and moves every weight with PyTorch's unfused AdamW. Data order, companions and the
head's first weights are given to it. In float32 and without dropout every epoch has to agree up to rounding.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import BertModel

from finesent.data.batches import epoch_batches
from finesent.data.tokens import TokenizedSplit, read_tokens
from finesent.models.heads import initialise
from finesent.params.ablation import Ablation
from finesent.training.losses.triplet import Triplet, TripletParams
from finesent.training.streams import numpy_stream, torch_stream
from tests.conftest import write_backbone, write_tokens
from tests.training.helpers import history, make_ablation, train

_SEED, _EPOCHS, _WIDTH, _CLASSES = 3, 6, 16, 5
_HEAD_RATE, _BACKBONE_RATE, _DECAY, _WARMUP, _NORM = 0.01, 0.004, 0.01, 0.1, 1.0
_TRIPLET_WEIGHT, _MARGIN = 0.2, 1.0

_LAYERS = ("encoder.layer.1.", "encoder.layer.0.", "embeddings.")
# Of the encoder, which parts learn in each of the six epochs.
_LEARNING: dict[str, list[int]] = {
    "never": [0, 0, 0, 0, 0, 0],
    "all": [0, 0, 3, 3, 3, 3],
    "top-down": [0, 1, 2, 3, 3, 3],
}
_UNFREEZE: dict[str, dict[str, Any]] = {
    "never": {"policy": "never"},
    "all": {"policy": "all", "after": 2},
    "top-down": {"policy": "top-down", "after": 1, "every": 1},
}


class Plain:
    """The training of an ablation, by hand."""

    def __init__(self, folder: Path, learning: list[int], triplet: bool) -> None:
        self.encoder = BertModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="eager"
        ).train()
        self.head = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.Tanh(), nn.Linear(_WIDTH, _CLASSES))
        initialise(self.head, torch_stream(_SEED, "head"))
        self.learning, self.triplet = learning, triplet
        named = {f"head.{name}": weight for name, weight in self.head.named_parameters()}
        named |= dict(self.encoder.named_parameters())
        self.started = {name: self._first_epoch(name) for name in named}
        self.adamw = torch.optim.AdamW(
            [
                {"params": [weight], "name": name, "weight_decay": _DECAY if weight.ndim > 1 else 0.0}
                for name, weight in named.items()
            ],
            fused=False,
            foreach=False,
        )

    def epochs(self, rows: TokenizedSplit, dev: TokenizedSplit) -> list[dict[str, float]]:
        """Return what each epoch's history tells."""
        return [self._epoch(epoch, rows, dev) for epoch in range(1, _EPOCHS + 1)]

    def _first_epoch(self, name: str) -> int | None:
        if name.startswith("head."):
            return 1
        (part,) = (number for number, prefix in enumerate(_LAYERS) if name.startswith(prefix))
        return next((epoch for epoch, depth in enumerate(self.learning, 1) if depth > part), None)

    def _epoch(self, epoch: int, rows: TokenizedSplit, dev: TokenizedSplit) -> dict[str, float]:
        order = numpy_stream(_SEED, "order", epoch)
        batches = epoch_batches(rows.lengths, _ablation("never", False).batch, order)
        drawn = Triplet(TripletParams(weight=_TRIPLET_WEIGHT, margin=_MARGIN)).draw_companions(
            rows.labels, numpy_stream(_SEED, "companions/triplet", epoch)
        )
        assert drawn is not None
        losses, norms = [], []
        for number, batch in enumerate(batches):
            learning = self._set_rates(epoch, (epoch - 1 + number / len(batches)) / _EPOCHS)
            anchors = self._features(rows, batch)
            loss = functional.cross_entropy(self.head(anchors), torch.tensor(rows.labels[batch]))
            # On a frozen encoder a triplet has no gradient, and history leaves it out.
            if self.triplet and self.learning[epoch - 1]:
                near, far = (self._features(rows, drawn[batch, which]) for which in (0, 1))
                apart = (anchors - near).square().sum(1) - (anchors - far).square().sum(1)
                loss = loss + _TRIPLET_WEIGHT * (apart + _MARGIN).clamp(min=0).mean()
            self.adamw.zero_grad()
            loss.backward(inputs=learning)
            norms.append(float(nn.utils.clip_grad_norm_(learning, _NORM)))
            self.adamw.step()
            losses.append(float(loss.detach()))
        with torch.no_grad():
            logits = self.head(self._features(dev, np.arange(len(dev))))
        labels = torch.tensor(dev.labels)
        return {
            "train_loss": float(np.mean(losses)),
            "gradient_norm": float(np.mean(norms)),
            "dev_loss": float(functional.cross_entropy(logits, labels)),
            "dev_accuracy": float((logits.argmax(1) == labels).float().mean()),
        }

    def _set_rates(self, epoch: int, progress: float) -> list[nn.Parameter]:
        """Set every rate; return what learns."""
        learning = []
        for group in self.adamw.param_groups:
            first = self.started[group["name"]]
            if first is None or epoch < first:
                continue
            learning += group["params"]
            peak = _HEAD_RATE if group["name"].startswith("head.") else _BACKBONE_RATE
            risen = (progress - (first - 1) / _EPOCHS) / _WARMUP
            group["lr"] = peak * min(1.0, risen) * (1.0 - progress)
        return learning

    def _features(self, split: TokenizedSplit, rows: np.ndarray) -> torch.Tensor:
        ids, mask = (torch.from_numpy(array) for array in split.padded(np.arange(len(split))))
        ids, mask = ids[rows], mask[rows]
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def _ablation(policy: str, triplet: bool) -> Ablation:
    return make_ablation(
        head={"dropout": 0.0},
        unfreeze=_UNFREEZE[policy],
        epochs=_EPOCHS,
        learning_rate={"head": _HEAD_RATE, "backbone": _BACKBONE_RATE},
        weight_decay=_DECAY,
        schedule={"warmup": _WARMUP},
        max_grad_norm=_NORM,
        losses={"triplet": {"weight": _TRIPLET_WEIGHT, "margin": _MARGIN}} if triplet else {},
    )


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backbone that has no dropout, and data tokenized for it."""
    folder = tmp_path_factory.mktemp("still")
    write_backbone(folder / "backbone", dropout=0.0)
    write_tokens(folder / "tokens", folder / "backbone", {"train": 160, "dev": 25, "test": 25})
    return folder


@pytest.mark.parametrize(
    ("policy", "triplet"), [("never", False), ("all", False), ("top-down", False), ("all", True)]
)
def test_an_ablation_trains_as_the_plain_loop_does(
    policy: str, triplet: bool, still: Path, tmp_path: Path
) -> None:
    train(tmp_path, still / "tokens", still / "backbone", _ablation(policy, triplet), [_SEED])
    rows, dev = (read_tokens(still / "tokens" / f"{name}.parquet") for name in ("train", "dev"))
    plain = Plain(still / "backbone", _LEARNING[policy], triplet).epochs(rows, dev)
    assert len(history(tmp_path)) == _EPOCHS
    for ours, expected in zip(history(tmp_path), plain, strict=True):
        for what, value in expected.items():
            assert math.isclose(float(ours[what]), value, rel_tol=2e-4, abs_tol=1e-5), (ours["epoch"], what)
