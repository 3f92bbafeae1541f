"""The families of encoders that are recorded: class names and small configurations of odd sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import transformers


@dataclass(frozen=True)
class Family:
    """One architecture of transformers."""

    classes: str  # what its class names start with
    config: dict[str, object]
    takes_token_types: bool = True
    # The sequences leave out the padding token: these families number their positions by it.
    position_offset: bool = False


BERT_SIZES: dict[str, object] = {
    "vocab_size": 61,
    "hidden_size": 24,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "intermediate_size": 37,
    "max_position_embeddings": 40,
}
OFFSET_SIZES = BERT_SIZES | {"type_vocab_size": 1, "layer_norm_eps": 1e-5}

FAMILIES = {
    "bert": Family("Bert", BERT_SIZES),
    "roberta": Family("Roberta", OFFSET_SIZES, position_offset=True),
    "xlm-roberta": Family("XLMRoberta", OFFSET_SIZES, position_offset=True),
    "camembert": Family("Camembert", OFFSET_SIZES, position_offset=True),
    "albert": Family("Albert", BERT_SIZES | {"embedding_size": 10}),
    "distilbert": Family(
        "DistilBert",
        {
            "vocab_size": 61,
            "dim": 24,
            "n_heads": 3,
            "n_layers": 2,
            "hidden_dim": 37,
            "max_position_embeddings": 40,
        },
        takes_token_types=False,
    ),
    "mpnet": Family(
        "MPNet",
        BERT_SIZES | {"layer_norm_eps": 1e-5},
        takes_token_types=False,
        position_offset=True,
    ),
    "electra": Family("Electra", BERT_SIZES | {"embedding_size": 10}),
    "modernbert": Family(
        "ModernBert",
        BERT_SIZES
        | {
            "hidden_size": 18,
            "num_hidden_layers": 4,
            "local_attention": 8,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "cls_token_id": 1,
            "eos_token_id": 2,
            "sep_token_id": 2,
        },
        takes_token_types=False,
    ),
    "nomic-bert": Family("NomicBert", BERT_SIZES),
    "gte": Family("Gte", BERT_SIZES),
}


def make_config(family: str, changes: dict[str, object]) -> transformers.PretrainedConfig:
    """The family's configuration with some of its fields changed; attention is eager."""
    kind = FAMILIES[family]
    config_class = getattr(transformers, f"{kind.classes}Config")
    return config_class(**(kind.config | {"attn_implementation": "eager"} | changes))


def model_class(family: str, task: str = "Model") -> type:
    """The class of a family for a task: Model, ForMaskedLM, ..."""
    return getattr(transformers, FAMILIES[family].classes + task)


def has_task(family: str, task: str) -> bool:
    """Whether transformers has the class."""
    return hasattr(transformers, FAMILIES[family].classes + task)


def longest_sequence(family: str, config: transformers.PretrainedConfig) -> int:
    """The tokens that the position table has room for."""
    if not FAMILIES[family].position_offset:
        return config.max_position_embeddings
    return config.max_position_embeddings - position_padding(family, config) - 1


def position_padding(family: str, config: transformers.PretrainedConfig) -> int:
    """The padding id that positions start after; MPNet's is 1 whatever its configuration says."""
    return 1 if family == "mpnet" else config.pad_token_id


def usable_vocabulary(family: str, config: transformers.PretrainedConfig) -> Sequence[int]:
    """The ids to draw from."""
    if not FAMILIES[family].position_offset:
        return range(config.vocab_size)
    padding = position_padding(family, config)
    return [token_id for token_id in range(config.vocab_size) if token_id != padding]


def num_token_types(family: str, config: transformers.PretrainedConfig) -> int:
    """How many token types the sequences may use."""
    return config.type_vocab_size if FAMILIES[family].takes_token_types else 1
