"""A tiny backbone and tiny tokenized data, real in every part and small in every dimension."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from finesent.data.tables import write_arrow
from finesent.data.tokenization import encoding_of, load_tokenizer, tokenize
from finesent.kernels.library import Kernels, load_kernels
from finesent.params.tokenize import Input
from tests.compiled import loaded_or_skipped

# Tests run side by side; threads of tiny products would only wait for each other.
torch.set_num_threads(1)

# How long an example takes is a matter of the machine, and of what else it does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# One word a class, so that there is something to learn, and words that say nothing.
TELLING = ["awful", "poor", "plain", "good", "superb"]
FILLER = [
    "the",
    "a",
    "film",
    "story",
    "actor",
    "scene",
    "with",
    "and",
    "of",
    "it",
    "this",
    "is",
    "was",
    "in",
    "plot",
    "music",
    "end",
]


def write_backbone(folder: Path, layers: int = 2, dropout: float = 0.1) -> Path:
    """Write a BERT of ``layers`` layers and 16 dimensions with random weights, and its tokenizer."""
    words = {word: number for number, word in enumerate([*SPECIAL, *TELLING, *FILLER, "review", ":"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words["[CLS]"]), ("[SEP]", words["[SEP]"])]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    torch.manual_seed(7)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def make_rows(count: int, seed: int) -> pd.DataFrame:
    """Sentences of filler words with one telling word each; labels in turn, so that every class occurs."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % len(TELLING)
    texts = []
    for label in labels:
        words = list(generator.choice(FILLER, generator.integers(3, 14)))
        words.insert(int(generator.integers(0, len(words))), TELLING[label])
        texts.append(" ".join(words))
    return pd.DataFrame({"id": [f"{seed}-{n}" for n in range(count)], "text": texts, "label": labels})


def write_tokens(folder: Path, backbone: Path, sizes: dict[str, int], name: str = "plain") -> Path:
    """Tokenize made-up splits of the given sizes with the tiny backbone's tokenizer."""
    rules = Input(template="{text}", max_length=32)
    tokenizer = load_tokenizer(backbone)
    encoding = encoding_of(name, rules, tokenizer)
    for number, (split, size) in enumerate(sizes.items()):
        table, _ = tokenize(make_rows(size, seed=number), rules, tokenizer)
        write_arrow(folder / f"{split}.parquet", encoding.attach(table))
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with its tokenizer."""
    return write_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """A folder with tokenized train (160 rows), dev (25) and test (25)."""
    return write_tokens(tmp_path_factory.mktemp("tokens"), backbone, {"train": 160, "dev": 25, "test": 25})


@pytest.fixture(scope="session")
def kernels() -> Kernels:
    """The compiled operations of a layer and of AdamW."""
    return loaded_or_skipped(load_kernels)
