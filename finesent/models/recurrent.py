"""The word-level recurrent encoder: embeddings and stacked recurrent layers, with its vocabulary on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from finesent.data.vocabulary import PAD, VOCABULARY, Vocabulary, read_vocabulary, write_vocabulary
from finesent.errors import FinesentError
from finesent.files import read_json, write_json
from finesent.models.recurrence import RecurrentLayer
from finesent.params.ablation import GloveEmbeddings, RandomEmbeddings, RecurrentEncoder
from finesent.validation import parse

CONFIG = "recurrent.json"
_WEIGHTS = "model.safetensors"
# The spread of word vectors that nobody has trained: small beside what training makes of them.
_SPREAD = 0.1


class RecurrentNetwork(nn.Module):
    """Word vectors and N recurrent layers over them.

    Args:
        params: cell, sizes, dropout and kind of embeddings.
        vocabulary: V words.
        size: dimensions D of the word vectors.
    """

    def __init__(self, params: RecurrentEncoder, vocabulary: Vocabulary, size: int) -> None:
        super().__init__()
        self.params = params
        self.vocabulary = vocabulary
        self.directions = 2 if params.bidirectional else 1
        self.width = self.directions * params.hidden
        self.embeddings = nn.Embedding(len(vocabulary), size, padding_idx=PAD)
        self.embeddings.requires_grad_(self.learns_embeddings)
        self.layers = nn.ModuleList(
            RecurrentLayer(
                params.cell,
                self.width if above else size,
                params.hidden,
                params.bidirectional,
                params.dropout,
            )
            for above in range(params.layers)
        )
        self._known: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def learns_embeddings(self) -> bool:
        """Whether the word vectors are trained on; vectors that start at random always are."""
        embeddings = self.params.embeddings
        return isinstance(embeddings, RandomEmbeddings) or embeddings.trained

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (B, L, H) float32 states of (B, L) token ids under their (B, L) mask; zero at padding."""
        states: torch.Tensor = self.embeddings(input_ids)
        for layer in self.layers:
            states = layer(states, attention_mask)
        return states

    def get_input_embeddings(self) -> nn.Embedding:
        """The word vectors, under the name that Hugging Face's encoders have for theirs."""
        return self.embeddings

    def know(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Let the words ``ids``, (F,), start from these (F, D) ``vectors`` whenever weights are drawn."""
        self._known = (torch.from_numpy(ids), torch.from_numpy(vectors))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew, on the CPU; words with a vector that is known start from it.

        The others are drawn with the spread of the known vectors, so that an unknown word is no louder and
        no quieter than the rest.
        """
        spread = _SPREAD if self._known is None else float(self._known[1].std())
        with torch.no_grad():
            self.embeddings.weight.normal_(0.0, spread, generator=generator)
            if self._known is not None:
                self.embeddings.weight[self._known[0]] = self._known[1]
            self.embeddings.weight[PAD].zero_()
        for layer in self.layers:
            assert isinstance(layer, RecurrentLayer)
            layer.initialise(generator)

    def save(self, folder: Path) -> None:
        """Write config, weights and vocabulary, so that :func:`load_recurrent` reads them back."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / CONFIG, self.params.model_dump(mode="json") | {"size": self.embeddings.embedding_dim}
        )
        write_vocabulary(folder / VOCABULARY, self.vocabulary)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(weights, folder / _WEIGHTS)


def build_recurrent(
    params: RecurrentEncoder, vocabulary: Vocabulary, vectors: tuple[np.ndarray, np.ndarray] | None
) -> RecurrentNetwork:
    """Build an encoder whose weights are still to be drawn.

    Args:
        params: of the ablation.
        vocabulary: of its input.
        vectors: (F,) token ids and their (F, D) float32 vectors; None with random embeddings.
    """
    if isinstance(params.embeddings, GloveEmbeddings):
        assert vectors is not None
        network = RecurrentNetwork(params, vocabulary, vectors[1].shape[1])
        network.know(*vectors)
        return network
    return RecurrentNetwork(params, vocabulary, params.embeddings.size)


def is_recurrent(folder: Path) -> bool:
    """Whether a folder holds a recurrent encoder, rather than one in Hugging Face form."""
    return (folder / CONFIG).exists()


def load_recurrent(folder: Path) -> RecurrentNetwork:
    """Read an encoder that :meth:`RecurrentNetwork.save` wrote.

    Raises:
        FinesentError: a file is missing or does not fit the others.
    """
    content = dict(read_json(folder / CONFIG))
    size = content.pop("size", 1)
    params = parse(RecurrentEncoder, content, str(folder / CONFIG))
    network = RecurrentNetwork(params, read_vocabulary(folder / VOCABULARY), size)
    try:
        network.load_state_dict(load_file(folder / _WEIGHTS))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise FinesentError(
            str(folder),
            f"the encoder's weights do not fit ({error})",
            "run `dvc repro -f` on its train stage",
        ) from error
    return network
