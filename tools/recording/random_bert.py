"""The small BERT that several recordings share."""

from __future__ import annotations

import transformers


def make_config(**changes: object) -> transformers.BertConfig:
    """A small configuration of odd sizes; `changes` are fields of BertConfig."""
    fields: dict[str, object] = {
        "vocab_size": 99,
        "hidden_size": 36,
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "intermediate_size": 50,
        "max_position_embeddings": 40,
        "attn_implementation": "eager",
    }
    return transformers.BertConfig(**(fields | changes))
