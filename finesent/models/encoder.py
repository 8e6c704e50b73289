"""Hugging Face encoders: loading them safely, and finding their layers."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from torch import nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from finesent.errors import FinesentError


def load_encoder(folder: Path) -> PreTrainedModel:
    """Load an encoder from a folder with config.json and model.safetensors, in float32.

    Neither pickled weights nor code from the repository is ever loaded. The pooler that some
    architectures append is left out: it is trained for another task, and the head replaces it.

    Raises:
        FinesentError: the folder holds no such encoder.
    """
    # A checkpoint of a full model always has weights of a head that an encoder leaves unused.
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        encoder: PreTrainedModel = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype="float32"
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise FinesentError(
            str(folder), f"no encoder could be loaded ({error})", "run `dvc repro download`"
        ) from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    if getattr(encoder, "pooler", None) is not None:
        encoder.register_module("pooler", None)
    return encoder


def layers_of(encoder: PreTrainedModel) -> nn.ModuleList:
    """Return the encoder's L transformer layers, lowest first.

    They are recognised by their number, which the config states, so that no architecture is named here.

    Raises:
        FinesentError: no list of that many modules is found.
    """
    expected = encoder.config.num_hidden_layers
    for module in encoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == expected:
            return module
    raise FinesentError(
        "data/backbone",
        f"no list of {expected} layers in a {type(encoder).__name__}",
        "use unfreeze.policy all or never with this backbone",
    )


def hidden_size(encoder: PreTrainedModel) -> int:
    """Return the width H of the encoder's token states."""
    return int(encoder.config.hidden_size)
