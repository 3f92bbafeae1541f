"""MultiHeadAttention, Attention and Softmax with explicit masks."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from layer_recording import LENGTHS, Recording, keep_of, random_like

from keras_layers.run import randomise, record_run

WIDTH = 6
MEMORY_LENGTHS = [2, 5, 0, 6, 3]
HOLES = np.array(
    [[1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]], dtype=bool
)


def visible(query_keep: np.ndarray, key_keep: np.ndarray) -> np.ndarray:
    """[B, Lq, Lk] bool, true = a real query sees a real key."""
    return query_keep[:, :, None] & key_keep[:, None, :]


def record_self(
    recording: Recording, case: str, keep: np.ndarray, causal: bool = False, **options: object
) -> None:
    """Self-attention with an explicit mask."""
    layer = keras.layers.MultiHeadAttention(2, 3, **options, name="multi_head_attention")
    layer.build((None, None, WIDTH), (None, None, WIDTH))
    randomise(layer, recording.rng)
    x = random_like(recording.rng, (*keep.shape, WIDTH), keep)

    # With the scores asked for, a query that sees nothing gets weights of 0, not an average.
    def run(inputs: dict) -> dict:
        output, _ = layer(
            inputs["input"],
            inputs["input"],
            attention_mask=visible(keep, keep),
            use_causal_mask=causal,
            return_attention_scores=True,
        )
        return {"output": (output, keep)}

    tensors = record_run(recording.rng, layer, {"input": x}, run)
    text = "".join(f", {name}={value}" for name, value in options.items())
    text = f"MultiHeadAttention(2, 3{text}), self, causal={causal}."
    recording.add(case, text, {"keep": keep} | tensors)


def record_cross(recording: Recording, case: str, key_width: int, causal: bool) -> None:
    """Cross-attention, Q != K; where the memory is empty the output is the last bias."""
    layer = keras.layers.MultiHeadAttention(2, 3, value_dim=4, name="multi_head_attention")
    layer.build((None, None, WIDTH), (None, None, key_width))
    randomise(layer, recording.rng)
    keep, memory_keep = keep_of(LENGTHS), keep_of(MEMORY_LENGTHS)
    inputs = {
        "input": random_like(recording.rng, (*keep.shape, WIDTH), keep),
        "memory": random_like(recording.rng, (*memory_keep.shape, key_width), memory_keep),
    }

    def run(tensors: dict) -> dict:
        output, _ = layer(
            tensors["input"],
            tensors["memory"],
            attention_mask=visible(keep, memory_keep),
            use_causal_mask=causal,
            return_attention_scores=True,
        )
        return {"output": (output, keep)}

    tensors = record_run(recording.rng, layer, inputs, run)
    text = (
        f"MultiHeadAttention(2, 3, value_dim=4), cross, key width {key_width}, causal={causal}; "
        "one sequence has no memory."
    )
    recording.add(case, text, {"keep": keep, "memory_keep": memory_keep} | tensors)


def record_dot(recording: Recording, case: str, score: str, causal: bool) -> None:
    """Attention([query, value, key]); every query has something to see."""
    layer = keras.layers.Attention(use_scale=True, score_mode=score, name="attention")
    keep, memory_keep = keep_of([4, 7, 1, 3]), keep_of([2, 5, 6, 3])
    shapes = [(None, None, 5), (None, None, 3), (None, None, 5)]
    layer.build(shapes)
    randomise(layer, recording.rng)
    rng = recording.rng
    inputs = {
        "input": random_like(rng, (*keep.shape, 5), keep),
        "value": random_like(rng, (*memory_keep.shape, 3), memory_keep),
        "key": random_like(rng, (*memory_keep.shape, 5), memory_keep),
    }

    def run(tensors: dict) -> dict:
        operands = [tensors["input"], tensors["value"], tensors["key"]]
        masks = [tf.constant(keep), tf.constant(memory_keep)]
        return {"output": (layer(operands, mask=masks, use_causal_mask=causal), keep)}

    text = f"Attention(use_scale=True, score_mode={score}), causal={causal}."
    tensors = record_run(rng, layer, inputs, run)
    recording.add(case, text, {"keep": keep, "memory_keep": memory_keep} | tensors)


def record_softmax(recording: Recording) -> None:
    """Softmax with a mask over the last axis; nothing kept gives zeros."""
    keep = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0] * 5], dtype=bool)
    x = 3 * recording.rng.standard_normal(keep.shape).astype(np.float32)
    layer = keras.layers.Softmax()

    def run(tensors: dict) -> dict:
        return {"output": (layer(tensors["input"], mask=keep), keep)}

    tensors = record_run(recording.rng, None, {"input": x}, run)
    recording.add("softmax_masked", "Softmax with mask [4, 5].", {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    keep = keep_of(LENGTHS)
    record_self(recording, "self_attention", keep)
    record_self(recording, "self_attention_causal", keep, causal=True)
    record_self(recording, "self_attention_holes", HOLES)
    record_self(recording, "self_attention_holes_causal", HOLES, causal=True)
    record_self(recording, "self_attention_no_bias", keep, use_bias=False)
    record_self(recording, "self_attention_output_width", keep, value_dim=4, output_shape=5)
    record_cross(recording, "cross_attention", WIDTH, causal=False)
    record_cross(recording, "cross_attention_causal", WIDTH, causal=True)
    record_cross(recording, "cross_attention_widths", 5, causal=False)
    record_dot(recording, "dot_attention", "dot", causal=False)
    record_dot(recording, "dot_attention_causal", "dot", causal=True)
    record_dot(recording, "dot_attention_concat", "concat", causal=False)
    record_softmax(recording)
