"""The encoder that an ablation starts from, held against the tokens that it is to read."""

from __future__ import annotations

from pathlib import Path

from finesent.data.embeddings import load_vectors
from finesent.data.encoding import Encoding
from finesent.data.vocabulary import VOCABULARY, read_vocabulary
from finesent.errors import FinesentError
from finesent.models.encoder import Encoder, load_encoder
from finesent.models.recurrent import RecurrentNetwork, build_recurrent
from finesent.params.ablation import Ablation, GloveEmbeddings, RecurrentEncoder


def starting_encoder(ablation: Ablation, encoding: Encoding, words: Path, backbone: Path) -> Encoder:
    """Return the backbone, or a recurrent encoder over the vocabulary of the ablation's input.

    Args:
        ablation: whose encoder it is.
        encoding: of the training tokens.
        words: folder of the vocabulary and its vectors, which only an input of words has.
        backbone: folder of the pretrained encoder.

    Raises:
        FinesentError: the input has words and the encoder is pretrained, or the reverse; the vocabulary is
            not the one of the tokens; word vectors are missing.
    """
    has_words = (words / VOCABULARY).exists()
    if has_words != isinstance(ablation.encoder, RecurrentEncoder):
        kinds = "words" if has_words else "the backbone's tokens"
        raise FinesentError(
            f"params.yaml: inputs.{ablation.input}",
            f"holds {kinds}, which a {ablation.encoder.kind} encoder cannot read",
            "name an input with words for a recurrent encoder, and one without for a pretrained one",
        )
    if isinstance(ablation.encoder, RecurrentEncoder):
        return _recurrent(ablation.encoder, encoding, words)
    return load_encoder(backbone)


def _recurrent(params: RecurrentEncoder, encoding: Encoding, words: Path) -> RecurrentNetwork:
    vocabulary = read_vocabulary(words / VOCABULARY)
    if vocabulary.sha256 != encoding.tokenizer:
        raise FinesentError(
            str(words / VOCABULARY),
            "is not the vocabulary that the training tokens were made with",
            f"run `dvc repro -f tokenize@{encoding.input}`",
        )
    vectors = load_vectors(words) if isinstance(params.embeddings, GloveEmbeddings) else None
    return build_recurrent(params, vocabulary, vectors)
