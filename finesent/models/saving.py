"""Classifiers on disk: the encoder as its kind saves it, the head and a description beside it.

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

from finesent.data.encoding import Encoding
from finesent.errors import FinesentError
from finesent.files import read_json, write_json
from finesent.models.classifier import Classifier
from finesent.models.encoder import Encoder, load_encoder
from finesent.models.recurrent import RecurrentNetwork
from finesent.params.ablation import Head

# Before the names of the reader's weights in head.safetensors.
_READER = "reader."


@dataclass(frozen=True)
class Description:
    """What classifier.json says.

    Attributes:
        ablation: name of the ablation.
        seed: of the run.
        classes: number C of classes.
        pooling: name of the pooling.
        head: kind, dropout and size of the head.
        encoder: folder of the encoder, relative to classifier.json's.
        encoding: how its training tokens were made.
        training: what else is worth knowing later (best epoch, device, library versions, …).
        mix_layers: how many of the encoder's upper layers are mixed.
    """

    ablation: str
    seed: int
    classes: int
    pooling: str
    head: dict[str, Any]
    encoder: str
    encoding: Encoding
    training: dict[str, Any]
    mix_layers: int = 1


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write an encoder so that :func:`finesent.models.encoder.load_encoder` reads it back."""
    if isinstance(encoder, RecurrentNetwork):
        encoder.save(folder)
    else:
        encoder.save_pretrained(folder)


def save_head(classifier: Classifier, description: Description, folder: Path) -> None:
    """Write head.safetensors, in which the reader's weights come along, and classifier.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = classifier.head.state_dict() | classifier.reader.state_dict(prefix=_READER)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
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
    if isinstance(encoder, RecurrentNetwork) and encoder.vocabulary.sha256 != description.encoding.tokenizer:
        raise _broken(
            folder, "the encoder's vocabulary is not the one that its training tokens were made with"
        )
    classifier = Classifier(encoder, description.pooling, head, description.classes, description.mix_layers)
    try:
        weights = load_file(folder / "head.safetensors")
        reader = {name: weights.pop(name) for name in list(weights) if name.startswith(_READER)}
        classifier.head.load_state_dict(weights)
        classifier.reader.load_state_dict({name.removeprefix(_READER): reader[name] for name in reader})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _broken(folder, f"the head's weights do not fit ({error})") from error
    return classifier.eval(), description


def _broken(folder: Path, problem: str) -> FinesentError:
    return FinesentError(str(folder), problem, f"run `dvc repro -f train@{folder.parent.name}`")
