"""One tiny encoder of every family that is in use, drawn at random."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
)

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 80,
}
CONFIGS: list[PretrainedConfig] = [
    BertConfig(**SIZES),
    RobertaConfig(**SIZES),
    ElectraConfig(**SIZES, embedding_size=16),
    MPNetConfig(**SIZES),
    AlbertConfig(**SIZES, embedding_size=16),
    DebertaV2Config(**SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=16),
    ModernBertConfig(**SIZES, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2),
    DistilBertConfig(
        vocab_size=300, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=80
    ),
]


def tiny(config: PretrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    encoder: PreTrainedModel = AutoModel.from_config(config)
    return encoder.float()
