"""Beginning the top layers of the encoder anew instead of from their pretrained weights.

The uppermost layers are the ones most bound to the pretraining task; Zhang et al. (2021), *Revisiting
Few-sample BERT Fine-tuning*, section 5, draw them again before they fine-tune on little data.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers import AutoModel

from finesent.errors import FinesentError
from finesent.models.classifier import Classifier
from finesent.models.encoder import layers_of
from finesent.training.streams import stream_seed


def begun_anew(classifier: Classifier, count: int, place: str) -> frozenset[str]:
    """Return the names of the parameters of the ``count`` uppermost layers.

    Raises:
        FinesentError: the encoder has fewer layers; ``place`` is where the number stands.
    """
    layers = layers_of(classifier.encoder) if count else nn.ModuleList()
    if count > len(layers):
        raise FinesentError(
            place,
            f"asks for {count} layers, and the encoder has {len(layers)}",
            f"choose a number from 0 to {len(layers)}",
        )
    chosen = {parameter for layer in list(layers)[len(layers) - count :] for parameter in layer.parameters()}
    return frozenset(name for name, parameter in classifier.named_parameters() if parameter in chosen)


def reinitialise(classifier: Classifier, names: frozenset[str], seed: int) -> None:
    """Give the named encoder parameters the values that they have in a model of the same kind never trained.

    The values depend on the seed and the architecture alone, not on how many layers are named: equal seeds
    start from equal layers in every ablation. PyTorch's global random state is left as it was.
    """
    if not names:
        return
    # A whole new encoder, because its architecture's own scheme has no other public entrance. Built on the
    # CPU, so that every device draws the same.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(stream_seed(seed, "reinitialise"))
        untrained = AutoModel.from_config(classifier.encoder.config, dtype="float32")  # type: ignore[no-untyped-call]
    fresh = dict(untrained.named_parameters(prefix="encoder"))
    with torch.no_grad():
        for name, parameter in classifier.named_parameters():
            if name in names:
                parameter.copy_(fresh[name])
