"""MultiheadAttention: self, causal, cross, other widths, holes, and nothing to attend to."""

from __future__ import annotations

import numpy as np
import torch
from layer_recording import LENGTHS, Recording, keep_of, random_like

from torch_layers.run import gradients, randomise, run_alone, variable

WIDTH = 6
HEADS = 2
# One sequence of LENGTHS has no memory, and the empty one has some.
MEMORY_LENGTHS = [2, 5, 0, 6, 3]
HOLES = np.array(
    [[1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]], dtype=bool
)


def make_attention(recording: Recording, **changes: object) -> torch.nn.MultiheadAttention:
    """Random weights; the biases too, which PyTorch begins with zeros."""
    module = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **changes)
    randomise(module, recording.rng)
    return module


def record_self(recording: Recording, case: str, causal: bool, bias: bool = True) -> None:
    """Self-attention of each sequence alone."""
    module = make_attention(recording, bias=bias)
    keep = keep_of(LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, WIDTH), keep))

    def run(tokens: torch.Tensor) -> torch.Tensor:
        hidden = torch.ones(len(tokens), len(tokens), dtype=torch.bool).triu(1) if causal else None
        return module(tokens, tokens, tokens, attn_mask=hidden, need_weights=False)[0]

    output, _ = run_alone(run, [keep], [x])
    tensors = gradients(recording.rng, {"output": (output, keep)}, {"input": x}, module)
    description = (
        f"MultiheadAttention({WIDTH}, {HEADS}, bias={bias}), self, causal={causal}, alone."
    )
    recording.add(case, description, {"keep": keep} | tensors)


def record_holes(recording: Recording) -> None:
    """Self-attention of a padded batch with key_padding_mask, padding left, right and between."""
    module = make_attention(recording)
    x = variable(random_like(recording.rng, (*HOLES.shape, WIDTH), HOLES))
    ignore = torch.from_numpy(~HOLES)
    output, _ = module(x, x, x, key_padding_mask=ignore, need_weights=False)
    tensors = gradients(recording.rng, {"output": (output, HOLES)}, {"input": x}, module)
    description = f"MultiheadAttention({WIDTH}, {HEADS}), self, key_padding_mask with holes."
    recording.add("self_attention_holes", description, {"keep": HOLES} | tensors)


def record_cross(recording: Recording, case: str, key_width: int, value_width: int) -> None:
    """Cross-attention, Q != K: where the memory is empty the output is the last bias."""
    module = make_attention(recording, kdim=key_width, vdim=value_width)
    keep, memory_keep = keep_of(LENGTHS), keep_of(MEMORY_LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, WIDTH), keep))
    inputs = {"input": x}
    key = variable(random_like(recording.rng, (*memory_keep.shape, key_width), memory_keep))
    if key_width == value_width:
        inputs["memory"] = value = key
    else:
        value = variable(random_like(recording.rng, (*memory_keep.shape, value_width), memory_keep))
        inputs |= {"key": key, "value": value}
    ignore = torch.from_numpy(~memory_keep)
    output, _ = module(x, key, value, key_padding_mask=ignore, need_weights=False)
    tensors = gradients(recording.rng, {"output": (output, keep)}, inputs, module)
    description = (
        f"MultiheadAttention({WIDTH}, {HEADS}, kdim={key_width}, vdim={value_width}), cross, "
        "key_padding_mask; one sequence has no memory."
    )
    recording.add(case, description, {"keep": keep, "memory_keep": memory_keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    record_self(recording, "self_attention", causal=False)
    record_self(recording, "self_attention_causal", causal=True)
    record_self(recording, "self_attention_no_bias", causal=False, bias=False)
    record_holes(recording)
    record_cross(recording, "cross_attention", WIDTH, WIDTH)
    record_cross(recording, "cross_attention_widths", 4, 3)
