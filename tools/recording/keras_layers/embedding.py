"""What makes masks, Embedding and Masking, and what works token by token, Dense."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from layer_recording import LENGTHS, Recording, keep_of, random_like

from keras_layers.run import randomise, record_run

# Zeros on the right, on the left, between real ids, and nothing else.
IDS = np.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0], [0, 0, 6, 5, 3], [8, 0, 7, 0, 2], [0] * 5])


def record_embedding(recording: Recording) -> None:
    """Embedding with mask_zero; the row of id 0 is not zero."""
    layer = keras.layers.Embedding(10, 3, mask_zero=True, name="embedding")
    layer.build((None, None))
    randomise(layer, recording.rng)
    keep = layer.compute_mask(IDS).numpy()

    def run(inputs: dict) -> dict:
        return {"output": (layer(inputs["ids"]), keep)}

    tensors = record_run(recording.rng, layer, {"ids": IDS.astype(np.int32)}, run)
    recording.add("embedding", "Embedding(10, 3, mask_zero=True).", {"keep": keep} | tensors)


def record_masking(recording: Recording, case: str, description: str, mask_value: float) -> None:
    """Masking over steps that are the value wholly, in part, with a minus sign, or with a NaN."""
    x = recording.rng.standard_normal((3, 5, 2)).astype(np.float32)
    x[0, 3:] = mask_value
    x[1, 1] = mask_value
    x[1, 2] = [mask_value, 1]
    x[1, 4] = [np.nan, mask_value]
    x[2] = -mask_value
    layer = keras.layers.Masking(mask_value=mask_value)
    output = layer(tf.convert_to_tensor(x))
    keep = layer.compute_mask(tf.convert_to_tensor(x))
    recording.add(case, description, {"input": x, "keep": keep, "output": output})


def record_dense(recording: Recording, case: str, layer: keras.Layer, what: str) -> None:
    """A layer that works token by token; the mask passes through."""
    keep = keep_of(LENGTHS)
    x = random_like(recording.rng, (*keep.shape, 5), keep)
    layer.build((None, None, 5))
    randomise(layer, recording.rng)

    def run(inputs: dict) -> dict:
        return {"output": (layer(inputs["input"]), keep)}

    tensors = record_run(recording.rng, layer, {"input": x}, run)
    recording.add(case, what, {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    layers = keras.layers
    record_embedding(recording)
    text = "Masking(): a step of zeros is dropped, -0.0 is 0, a step with a NaN stays."
    record_masking(recording, "masking", text, 0.0)
    text = "Masking(5): dropped steps become 0; the steps of -5 stay."
    record_masking(recording, "masking_value", text, 5.0)
    for activation in (None, "relu", "tanh", "sigmoid", "gelu", "silu", "softmax"):
        layer = layers.Dense(3, activation=activation, name="dense")
        case = "dense" if activation is None else f"dense_{activation}"
        record_dense(recording, case, layer, f"Dense(3, activation={activation}).")
    layer = layers.TimeDistributed(layers.Dense(3, name="dense"), name="time_distributed")
    record_dense(recording, "time_distributed_dense", layer, "TimeDistributed(Dense(3)).")
