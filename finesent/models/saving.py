"""Classifiers on disk: the encoder as Hugging Face saves it, the head and a description beside it.

``models/<ablation>/<seed>/`` holds ``classifier.json``, ``head.safetensors`` and the logits of the dev split
by which its epoch was chosen; the encoder lies in ``encoder/`` beside them, or once for all seeds in
``../encoder`` where training never changed it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from finesent.data.encoding import Encoding
from finesent.errors import FinesentError
from finesent.files import read_json, write_json
from finesent.models.classifier import Classifier
from finesent.models.encoder import load_encoder
from finesent.params.ablation import Head


@dataclass(frozen=True)
class Description:
    """What classifier.json says.

    Attributes:
        ablation: name of the ablation.
        seed: of the run.
        classes: number C of classes.
        pooling: name of the pooling.
        head: kind and dropout of the head.
        encoder: folder of the encoder, relative to classifier.json's.
        encoding: how its training tokens were made.
        training: what else is worth knowing later (best epoch, device, library versions, …).
    """

    ablation: str
    seed: int
    classes: int
    pooling: str
    head: dict[str, Any]
    encoder: str
    encoding: Encoding
    training: dict[str, Any]


def save_encoder(encoder: PreTrainedModel, folder: Path) -> None:
    """Write an encoder so that ``AutoModel.from_pretrained(folder)`` reads it back."""
    encoder.save_pretrained(folder)


def save_head(classifier: Classifier, description: Description, folder: Path) -> None:
    """Write head.safetensors and classifier.json."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in classifier.head.state_dict().items()
    }
    save_file(weights, folder / "head.safetensors")
    write_json(folder / "classifier.json", asdict(description))


def save_dev_logits(logits: torch.Tensor, folder: Path) -> None:
    """Keep the (M, C) logits of the dev split, so that evaluate need not compute them again."""
    save_file({"logits": logits.cpu().contiguous()}, folder / "dev_logits.safetensors")


def load_dev_logits(folder: Path, rows: int) -> np.ndarray:
    """Read the (M, C) float32 logits of the dev split.

    Raises:
        FinesentError: they are missing, or are not of ``rows`` rows.
    """
    try:
        logits = load_file(folder / "dev_logits.safetensors")["logits"].numpy()
    except (OSError, KeyError, SafetensorError) as error:
        raise _broken(folder, f"the dev logits cannot be read ({error})") from error
    if len(logits) != rows:
        raise _broken(folder, f"has dev logits of {len(logits)} rows, and the dev split has {rows}")
    return logits


def load_classifier(folder: Path) -> tuple[Classifier, Description]:
    """Read a classifier back, in eval mode.

    Raises:
        FinesentError: a file is missing or does not fit the others.
    """
    content = read_json(folder / "classifier.json")
    try:
        description = Description(**{**content, "encoding": Encoding(**content["encoding"])})
        head = Head(**description.head)
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(folder, f"classifier.json does not describe a classifier ({error})") from error
    encoder = load_encoder(folder / description.encoder)
    classifier = Classifier(encoder, description.pooling, head, description.classes)
    try:
        classifier.head.load_state_dict(load_file(folder / "head.safetensors"))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _broken(folder, f"the head's weights do not fit ({error})") from error
    return classifier.eval(), description


def _broken(folder: Path, problem: str) -> FinesentError:
    return FinesentError(str(folder), problem, f"run `dvc repro -f train@{folder.parent.name}`")
