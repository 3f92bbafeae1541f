"""Add, Multiply, Concatenate and the others: values, and the mask that comes out."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from layer_recording import Recording, random_like

WIDTH = 3
# Positions with both, the first, the second, and neither.
KEEP_A = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]], dtype=bool)
KEEP_B = np.array([[1, 1, 0, 0, 1], [0, 0, 1, 1, 0], [1, 1, 0, 0, 0]], dtype=bool)


def mask_of(x: tf.Tensor) -> tf.Tensor | None:
    """The mask that Keras attached to a result."""
    return getattr(x, "_keras_mask", None)


def record_merge(recording: Recording, case: str, layer: keras.Layer) -> None:
    """Both inputs masked: `output_keep` is the mask that comes out."""
    a, b = (random_like(recording.rng, (*k.shape, WIDTH), k) for k in (KEEP_A, KEEP_B))
    masking = keras.layers.Masking()
    output = layer([masking(tf.constant(a)), masking(tf.constant(b))])
    tensors = {"a": a, "b": b, "a_keep": KEEP_A, "b_keep": KEEP_B, "output": output}
    tensors["output_keep"] = mask_of(output)
    text = f"{type(layer).__name__} of two masked inputs."
    recording.add(case, text, tensors)


def record_half_masked(recording: Recording, case: str, layer: keras.Layer) -> None:
    """The second input has no mask; what comes out has one only where `output_keep` stands."""
    a, b = (
        random_like(recording.rng, (*k.shape, WIDTH), k) for k in (KEEP_A, np.ones_like(KEEP_A))
    )
    output = layer([keras.layers.Masking()(tf.constant(a)), tf.constant(b)])
    tensors = {"a": a, "b": b, "a_keep": KEEP_A, "output": output}
    if mask_of(output) is not None:
        tensors["output_keep"] = mask_of(output)
    text = f"{type(layer).__name__} of a masked input and one without a mask."
    recording.add(case, text, tensors)


def record(recording: Recording) -> None:
    """All cases."""
    layers = keras.layers
    kinds = {
        "add": layers.Add,
        "subtract": layers.Subtract,
        "multiply": layers.Multiply,
        "average": layers.Average,
        "maximum": layers.Maximum,
        "minimum": layers.Minimum,
        "concatenate_features": lambda: layers.Concatenate(axis=-1),
        "concatenate_time": lambda: layers.Concatenate(axis=1),
    }
    for case, make in kinds.items():
        record_merge(recording, case, make())
        record_half_masked(recording, f"{case}_half_masked", make())
