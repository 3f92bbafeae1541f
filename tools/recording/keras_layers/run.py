"""Runs Keras layers, whole batches or sequence by sequence, and differentiates what they give."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def randomise(layer: keras.Layer, rng: np.random.Generator) -> None:
    """Replaces every weight; gains stay near 1 and variances above 0."""
    for weight in layer.weights:
        noise = rng.standard_normal(weight.shape).astype(np.float32)
        if weight.name in ("gamma", "scale"):
            weight.assign(1 + 0.3 * noise)
        elif weight.name == "moving_variance":
            weight.assign(0.5 + np.abs(noise))
        else:
            weight.assign(0.4 * noise)


def weights_of(layer: keras.Layer) -> dict[str, np.ndarray]:
    """Every weight by its path, such as lstm/lstm_cell/kernel."""
    return {weight.path: weight.numpy() for weight in layer.weights}


def run_alone(run: Callable[[tf.Tensor], tf.Tensor | None], keep: np.ndarray, x: tf.Tensor):
    """Runs each sequence by itself, [1, length, ...], and lays the results into a padded grid.

    run    : -> [1, new length, ...]; None where Keras refuses the sequence
    return : [B, new L, ...] and its [B, new L] keep
    """
    results = []
    for index, length in enumerate(keep.sum(axis=1)):
        results.append(run(x[index : index + 1, :length]) if length else None)
    lengths = [0 if result is None else result.shape[1] for result in results]
    shape = next(result.shape[2:] for result in results if result is not None)
    rows = []
    for result, length in zip(results, lengths, strict=True):
        padding = tf.zeros((1, max(lengths) - length, *shape))
        rows.append(padding if result is None else tf.concat([result, padding], axis=1))
    return tf.concat(rows, axis=0), np.arange(max(lengths))[None, :] < np.array(lengths)[:, None]


def record_run(
    rng: np.random.Generator,
    layer: keras.Layer | None,
    inputs: dict[str, np.ndarray],
    run: Callable[[dict[str, tf.Tensor]], dict[str, tuple[tf.Tensor, np.ndarray | None]]],
) -> dict:
    """What `run` gives, d_output of each at random (0 where its keep is false), all gradients.

    run : the inputs as tensors -> each output with its [B, L] keep, or None where it has no time
    """
    tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
    floats = {name: x for name, x in tensors.items() if x.dtype.is_floating}
    weights = [] if layer is None else layer.trainable_weights
    stored = {} if layer is None else {"weights": weights_of(layer)}
    with tf.GradientTape() as tape:
        tape.watch(list(floats.values()))
        outputs = run(tensors)
        loss = tf.zeros(())
        for name, (output, keep) in outputs.items():
            d_output = rng.standard_normal(output.shape).astype(np.float32)
            if keep is not None:
                d_output *= keep.reshape(keep.shape + (1,) * (d_output.ndim - 2))
            stored["d_" + name] = d_output
            loss += tf.reduce_sum(output * d_output)
    sources = floats | {f"weights.{weight.path}": weight for weight in weights}
    slopes = tape.gradient(loss, sources, unconnected_gradients="zero")
    stored |= {f"d_{name}": tf.convert_to_tensor(slope) for name, slope in slopes.items()}
    return stored | inputs | {name: output for name, (output, _) in outputs.items()}
