"""Encoders of either kind: loading them safely, running them, and finding their layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from torch.func import functional_call
from transformers import AutoModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from finesent.errors import FinesentError
from finesent.models.attention import use_cheap_attention
from finesent.models.dropout import use_cheap_dropout
from finesent.models.lookup import half_lookups, watch_lookups
from finesent.models.prefix import PrefixStates
from finesent.models.recurrent import RecurrentNetwork, is_recurrent, load_recurrent

Encoder = PreTrainedModel | RecurrentNetwork
States = Sequence[torch.Tensor]
Weights = Mapping[str, torch.Tensor] | None


def load_encoder(folder: Path) -> Encoder:
    """Load an encoder from a folder, whichever kind it holds.

    Raises:
        FinesentError: the folder holds no encoder.
    """
    return load_recurrent(folder) if is_recurrent(folder) else load_pretrained(folder)


def load_pretrained(folder: Path) -> PreTrainedModel:
    """Load a Hugging Face encoder from a folder with config.json and model.safetensors, in float32.

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
    use_cheap_dropout(encoder)
    use_cheap_attention(encoder)
    watch_lookups(encoder)
    return encoder


def token_states(
    encoder: Encoder,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    layers: int,
    weights: Weights = None,
    prefix: PrefixStates | None = None,
) -> States:
    """Return the (B, L, H) states of the ``layers`` uppermost layers, lowest first.

    Args:
        encoder: of either kind.
        input_ids: (B, L).
        attention_mask: (B, L), 1 where there is a token.
        layers: how many.
        weights: in bf16, by name, used in place of a pretrained encoder's own, all but the word embeddings.
        prefix: states of these very rows, which stand in for a pretrained encoder's lowest layers.
    """
    if isinstance(encoder, RecurrentNetwork):
        return [encoder(input_ids, attention_mask)]
    # Where use_kernels of finesent.kernels.encoder has left any.
    passes = getattr(encoder, "compiled_passes", None)
    if passes is not None:
        made: States | None = passes.states(input_ids, attention_mask, layers, weights, prefix)
        if made is not None:
            return made
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "output_hidden_states": layers > 1}
    with ExitStack() as stack:
        if prefix is not None:
            stack.enter_context(prefix.put_into(layers_of(encoder)))
        if weights:
            stack.enter_context(half_lookups(encoder))
            output = functional_call(encoder, dict(weights), args=(), kwargs=inputs)
        else:
            output = encoder(**inputs)
    states: States = output.hidden_states[-layers:] if layers > 1 else [output.last_hidden_state]
    return states


def takes_out_padding(encoder: Encoder) -> bool:
    """Whether a pass with gradient spends nothing on padding."""
    return hasattr(encoder, "compiled_passes")


def layers_of(encoder: Encoder) -> nn.ModuleList:
    """Return the encoder's layers, lowest first.

    A transformer's are recognised by their number, which the config states, so that no architecture is
    named here.

    Raises:
        FinesentError: no list of that many modules is found.
    """
    if isinstance(encoder, RecurrentNetwork):
        return encoder.layers
    expected = encoder.config.num_hidden_layers
    for module in encoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == expected:
            return module
    raise FinesentError(
        "data/backbone",
        f"no list of {expected} layers in a {type(encoder).__name__}",
        "use unfreeze.policy all or never with this backbone",
    )


def hidden_size(encoder: Encoder) -> int:
    """Return the width H of the encoder's token states."""
    return encoder.width if isinstance(encoder, RecurrentNetwork) else int(encoder.config.hidden_size)
