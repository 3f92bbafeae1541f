"""The odd encoders that record_encoders.py writes, one directory each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from model_directory import Weights
from older_spellings import (
    write_gte_remote_code,
    write_modernbert_every_2,
    write_modernbert_every_3,
    write_nomic_remote_code,
    write_older_bert_keys,
)


@dataclass(frozen=True)
class Encoder:
    """One directory: what differs from the family's configuration, and how it is saved."""

    family: str
    name: str
    config: dict[str, object] = field(default_factory=dict)
    weights: Weights = Weights.SAFETENSORS
    dtype: torch.dtype = torch.float32
    # Rewrites the directory into a spelling that the running transformers does not write.
    rewrite: Callable[[Path], None] | None = None
    # Whether the running transformers can read that spelling back.
    loads_back: bool = True
    # For the classes that have a pooler only on request.
    pooler: bool | None = None
    # Records the pooling modes of sentence-transformers too.
    poolings: bool = False

    @property
    def directory(self) -> str:
        """The folder's name."""
        return f"{self.family}-odd-{self.name}"


BERTS = [
    Encoder(
        "bert",
        "three-layers",
        {
            "hidden_size": 25,
            "num_attention_heads": 5,
            "num_hidden_layers": 3,
            "intermediate_size": 41,
            "hidden_act": "gelu_new",
            "layer_norm_eps": 1e-6,
        },
    ),
    Encoder("bert", "fewest-keys", {"num_hidden_layers": 1}, rewrite=write_older_bert_keys),
]
ROBERTAS = [
    Encoder("roberta", "heads-3", {"hidden_size": 33, "intermediate_size": 50}, poolings=True),
    Encoder(
        "roberta",
        "types-2-relu",
        {
            "type_vocab_size": 2,
            "hidden_act": "relu",
            "hidden_size": 25,
            "num_attention_heads": 5,
            "layer_norm_eps": 1e-3,
        },
    ),
    Encoder("roberta", "pad-0", {"pad_token_id": 0, "num_hidden_layers": 1}),
    Encoder("roberta", "f16", {"num_hidden_layers": 1}, dtype=torch.float16),
    Encoder("roberta", "bin", {"num_hidden_layers": 1}, weights=Weights.BIN),
    Encoder("roberta", "no-pooler", {"num_hidden_layers": 1}, pooler=False),
    Encoder(
        "xlm-roberta",
        "heads-5",
        {"vocab_size": 99, "hidden_size": 25, "num_attention_heads": 5, "num_hidden_layers": 3},
    ),
    Encoder("xlm-roberta", "quick-gelu", {"hidden_act": "quick_gelu", "num_hidden_layers": 1}),
    Encoder(
        "camembert",
        "heads-4",
        {"hidden_size": 28, "num_attention_heads": 4, "intermediate_size": 67},
    ),
    Encoder(
        "camembert", "pad-0-silu", {"pad_token_id": 0, "hidden_act": "silu", "num_hidden_layers": 1}
    ),
]
ALBERTS = [
    Encoder(
        "albert",
        "groups-2-inner-2",
        {"num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2},
    ),
    Encoder(
        "albert",
        "embedding-equal",
        {"embedding_size": 27, "hidden_size": 27, "num_hidden_layers": 3, "hidden_act": "gelu"},
    ),
    Encoder(
        "albert",
        "groups-3-of-4",
        {
            "num_hidden_layers": 4,
            "num_hidden_groups": 3,
            "hidden_act": "relu",
            "type_vocab_size": 1,
        },
    ),
    Encoder("albert", "legacy-bin", {"num_hidden_layers": 2}, weights=Weights.LEGACY_BIN),
]
DISTILBERTS = [
    Encoder("distilbert", "heads-5", {"dim": 25, "n_heads": 5, "n_layers": 3}),
    Encoder("distilbert", "relu", {"activation": "relu", "n_layers": 1, "dim": 9}),
    Encoder("distilbert", "sharded", weights=Weights.SHARDED),
    Encoder("distilbert", "bf16-bin", {"n_layers": 1}, weights=Weights.BIN, dtype=torch.bfloat16),
]
MPNETS = [
    Encoder("mpnet", "far-buckets", {"max_position_embeddings": 150, "num_hidden_layers": 1}),
    Encoder(
        "mpnet",
        "three-layers",
        {
            "num_hidden_layers": 3,
            "hidden_size": 20,
            "num_attention_heads": 4,
            "hidden_act": "gelu_new",
            "layer_norm_eps": 1e-12,
        },
    ),
    Encoder(
        "mpnet",
        "buckets-64",
        {
            "relative_attention_num_buckets": 64,
            "hidden_size": 15,
            "num_hidden_layers": 1,
            "max_position_embeddings": 140,
        },
    ),
]
ELECTRAS = [
    Encoder("electra", "embedding-10", {"num_hidden_layers": 3}),
    Encoder(
        "electra",
        "embedding-equal",
        {
            "embedding_size": 25,
            "hidden_size": 25,
            "num_attention_heads": 5,
            "hidden_act": "silu",
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-3,
        },
    ),
    Encoder(
        "electra",
        "wide-embedding",
        {"embedding_size": 31, "hidden_size": 18, "num_hidden_layers": 1},
        weights=Weights.BIN,
    ),
]
MODERNBERTS = [
    Encoder("modernbert", "window-8", {"num_hidden_layers": 5}),
    Encoder(
        "modernbert",
        "all-biases",
        {
            "norm_bias": True,
            "attention_bias": True,
            "mlp_bias": True,
            "hidden_size": 24,
            "norm_eps": 1e-3,
            "hidden_activation": "silu",
        },
    ),
    Encoder(
        "modernbert",
        "layer-types",
        {
            "local_attention": 6,
            "layer_types": [
                "sliding_attention",
                "full_attention",
                "full_attention",
                "sliding_attention",
            ],
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 700.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            },
        },
    ),
    Encoder("modernbert", "v4-keys", {}, rewrite=write_modernbert_every_3),
    Encoder(
        "modernbert",
        "v4-every-2",
        {
            "num_hidden_layers": 5,
            "layer_types": ["full_attention", "sliding_attention"] * 2 + ["full_attention"],
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 3000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 90.0},
            },
        },
        rewrite=write_modernbert_every_2,
    ),
]
NOMIC_BERTS = [
    Encoder("nomic-bert", "heads-3", {"hidden_size": 30}),
    Encoder(
        "nomic-bert",
        "pooler-gelu",
        {"hidden_act": "gelu", "num_hidden_layers": 1, "layer_norm_eps": 1e-4},
        pooler=True,
    ),
    Encoder(
        "nomic-bert",
        "theta-70",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 70.0}, "num_hidden_layers": 1},
    ),
    Encoder("nomic-bert", "narrow-heads", {"head_dim": 6, "num_hidden_layers": 1}),
    Encoder("nomic-bert", "module-names", {"num_hidden_layers": 1}, weights=Weights.MODULE_NAMES),
    # The original code rounds the inner width up to a multiple of 256.
    Encoder(
        "nomic-bert",
        "remote-code",
        {"hidden_size": 12, "intermediate_size": 256},
        rewrite=write_nomic_remote_code,
        loads_back=False,
    ),
]
GTES = [
    Encoder("gte", "heads-3", {"hidden_size": 30, "type_vocab_size": 2}),
    Encoder(
        "gte",
        "no-types-pooler",
        {"type_vocab_size": 0, "num_hidden_layers": 1, "layer_norm_eps": 1e-4},
        pooler=True,
    ),
    Encoder(
        "gte",
        "theta-70-relu",
        {
            "rope_parameters": {"rope_type": "default", "rope_theta": 70.0},
            "hidden_act": "relu",
            "num_hidden_layers": 1,
        },
    ),
    Encoder("gte", "module-names", {"num_hidden_layers": 1}, weights=Weights.MODULE_NAMES),
    Encoder(
        "gte",
        "remote-code",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}, "type_vocab_size": 1},
        rewrite=write_gte_remote_code,
        loads_back=False,
    ),
    Encoder(
        "gte",
        "remote-code-ntk",
        {
            "rope_parameters": {"rope_type": "ntk", "rope_theta": 500.0, "factor": 8.0},
            "num_hidden_layers": 1,
        },
        rewrite=write_gte_remote_code,
        loads_back=False,
        pooler=True,
    ),
]
# transformers 5 dropped relative positions from these families.
RELATIVE = [
    Encoder(family, name, {"position_embedding_type": name.replace("-", "_")} | changes)
    for family, name, changes in [
        ("bert", "relative-key", {"hidden_size": 21, "max_position_embeddings": 30}),
        ("bert", "relative-key-query", {"num_hidden_layers": 3}),
        ("roberta", "relative-key-query", {"hidden_size": 20, "num_attention_heads": 4}),
        ("xlm-roberta", "relative-key", {"num_hidden_layers": 1}),
        ("camembert", "relative-key-query", {"num_hidden_layers": 1}),
        ("albert", "relative-key", {"num_hidden_layers": 3, "num_hidden_groups": 2}),
        ("electra", "relative-key-query", {"num_hidden_layers": 1}),
    ]
]
VERSION_4_ENCODERS = RELATIVE
VERSION_5_ENCODERS = [
    *BERTS,
    *ROBERTAS,
    *ALBERTS,
    *DISTILBERTS,
    *MPNETS,
    *ELECTRAS,
    *MODERNBERTS,
    *NOMIC_BERTS,
    *GTES,
]
