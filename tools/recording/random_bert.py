"""Builds BERT models whose every parameter is random, norms and biases included."""

from __future__ import annotations

import torch
import transformers


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Replaces every parameter, so that a swapped or forgotten one changes the output."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm_weight = "LayerNorm.weight" in name
        parameter.data = (1.0 + 0.3 * noise if is_norm_weight else 0.25 * noise).to(parameter.dtype)


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
