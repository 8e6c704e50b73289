"""A small fast tokenizer, as a backbone's folder holds one; and both kinds of loops over bytes."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from finesent import compiling
from finesent.data import joined
from finesent.data.loops.compiled import load_loops
from finesent.data.loops.interface import Loops
from finesent.data.loops.plain import NumpyLoops
from tests.compiled import loaded_or_skipped

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "film", "was", "good", "bad", "review", "rating"]

WriteTokenizer = Callable[..., Path]


def _write(folder: Path, words: list[str] = WORDS, bounded: bool = True) -> Path:
    letters = [*string.ascii_lowercase, *string.digits, *".,:!?"]
    pieces = [*SPECIAL, *words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(SPECIAL)
    if bounded:
        # As all-MiniLM-L6-v2's file does; params.yaml's max_length must win.
        tokenizer.enable_truncation(6)
        tokenizer.enable_padding(length=40)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    return folder


@pytest.fixture(scope="session")
def byte_level_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a byte-level tokenizer like RoBERTa's, whose tokens begin with the space before them."""
    folder = tmp_path_factory.mktemp("byte-level")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["Review: the film was good, the film was bad\n\nRating:"] * 5, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"model_type": "roberta"}')
    return folder


@pytest.fixture(scope="session")
def write_tokenizer() -> WriteTokenizer:
    """Write tokenizer.json and config.json into a folder: words whole, everything else in letters;
    ``bounded`` leaves truncation and padding switched on in the file."""
    return _write


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small tokenizer."""
    return _write(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module", params=["compiled", "compiled byte by byte", "plain"])
def loops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loops]:
    """The loops in C++, as this machine has them and as others do, and those in numpy, used meanwhile."""
    made: Loops = NumpyLoops()
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "compiled byte by byte":
            patch.setattr(compiling, "_FLAGS", (*compiling._FLAGS, "-U__AVX512VBMI2__"))
            patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if request.param != "plain":
            made = loaded_or_skipped(load_loops)
        patch.setattr(joined, "byte_loops", lambda: made)
        yield made
