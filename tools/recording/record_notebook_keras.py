"""Runs the Keras notebook about masks cell by cell and records every value it prints.

All weights are random from a fixed seed; Sequential, Functional and MyLayer share theirs. Its
scaled_dot_product_attention reads a variable that it never sets: here it adds the mask to the
scores that softmax reads, and q, k and v have an axis of heads, as the mask (B, 1, 1, L) wants.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ |= {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

import keras
import numpy as np
import tensorflow as tf
from layer_recording import Recording, write_index

layers = keras.layers
RAW_INPUTS = [[83, 91, 1, 645, 1253, 927], [73, 8, 3215, 55, 927], [711, 632, 71]]
VOCAB = 5000


class MyLayer(layers.Layer):
    """Embeds, and hands the mask to the LSTM itself."""

    def __init__(self, embedding: keras.Layer, lstm: keras.Layer) -> None:
        super().__init__()
        self.embedding = embedding
        self.lstm = lstm

    def call(self, inputs: object) -> object:
        mask = self.embedding.compute_mask(inputs)
        return self.lstm(self.embedding(inputs), mask=mask)


class Default(layers.Layer):
    """The broken one: two halves of the time, and the mask of the whole."""

    def call(self, inputs: object) -> object:
        return tf.split(inputs, 2, axis=1)

    def compute_mask(self, inputs: object, mask: object = None) -> object:
        del inputs
        return mask


class TemporalSplit(Default):
    """Two halves of the time, each with its half of the mask."""

    def compute_mask(self, inputs: object, mask: object = None) -> object:
        del inputs
        return None if mask is None else tf.split(mask, 2, axis=1)


class CustomEmbedding(layers.Layer):
    """A lookup that makes a mask."""

    def __init__(self, table: np.ndarray) -> None:
        super().__init__()
        self.embeddings = tf.constant(table)

    def call(self, inputs: object) -> object:
        return tf.nn.embedding_lookup(self.embeddings, inputs)

    def compute_mask(self, inputs: object, mask: object = None) -> object:
        del mask
        return tf.not_equal(inputs, 0)


class MaskConsumer(layers.Layer):
    """Returns the mask that Keras hands it."""

    def call(self, inputs: object, mask: object = None) -> object:
        del inputs
        return mask


def create_padding_mask(seq: object) -> tf.Tensor:
    """[B, L] ids -> [B, 1, 1, L], 1 = padding."""
    return tf.cast(tf.math.equal(seq, 0), tf.float32)[:, tf.newaxis, tf.newaxis, :]


def create_look_ahead_mask(size: int) -> tf.Tensor:
    """[L, L], 1 = a later token."""
    return 1 - tf.linalg.band_part(tf.ones((size, size)), -1, 0)


def scaled_dot_product_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """The notebook's function, mended: the output and the attention weights."""
    scores = tf.matmul(q, k, transpose_b=True) / tf.math.sqrt(float(k.shape[-1]))
    if mask is not None:
        scores += mask * -1e9
    weights = tf.nn.softmax(scores, -1)
    return tf.matmul(weights, v), weights


def run_models(rng: np.random.Generator, padded_inputs: np.ndarray) -> dict:
    """Cells 4, 16, the functional model and 17: Embedding, then LSTM, in three spellings."""
    embedding = layers.Embedding(VOCAB, 16, mask_zero=True, name="embedding")
    lstm = layers.LSTM(32, name="lstm")
    sequential = keras.Sequential([embedding, lstm])
    sequential.build((None, None))
    for weight in sequential.weights:
        weight.assign(0.3 * rng.standard_normal(weight.shape))
    inputs = keras.Input(shape=(None,), dtype="int32")
    functional = keras.Model(inputs, lstm(embedding(inputs)))
    my_inputs = (rng.random((32, 10)) * 100).astype(np.int32)
    return {
        "padded_inputs": padded_inputs,
        "weights": {weight.path.split("/", 1)[1]: weight.numpy() for weight in sequential.weights},
        "masked_output": embedding(padded_inputs),
        "embedding_mask": embedding.compute_mask(padded_inputs),
        "sequential_output": sequential(padded_inputs),
        "functional_output": functional(padded_inputs),
        "my_layer_inputs": my_inputs,
        "my_layer_output": MyLayer(embedding, lstm)(my_inputs),
    }


def run_custom_layers(rng: np.random.Generator, padded_inputs: np.ndarray) -> dict:
    """Cells 13 and 23 to 37 and MaskConsumer: Masking and the layers that treat its mask."""
    unmasked = tf.cast(tf.tile(tf.expand_dims(padded_inputs, -1), [1, 1, 10]), tf.float32)
    masked = layers.Masking()(unmasked)
    broken, _ = Default()(masked)
    first, second = TemporalSplit()(masked)
    table = (0.3 * rng.standard_normal((10, 32))).astype(np.float32)
    ids = (rng.random((3, 10)) * 9).astype(np.int32)
    custom = CustomEmbedding(table)
    return {
        "masked_embedding": masked,
        "masking_mask": masked._keras_mask,
        "default_first_mask": broken._keras_mask,
        "first_half": first,
        "first_half_mask": first._keras_mask,
        "second_half": second,
        "second_half_mask": second._keras_mask,
        "custom_embedding_table": table,
        "custom_embedding_inputs": ids,
        "custom_embedding_output": custom(ids),
        "custom_embedding_mask": custom.compute_mask(ids),
        "mask_consumer_mask": MaskConsumer()(masked),
    }


def run_attention(rng: np.random.Generator) -> dict:
    """Cells 40 to 42: both masks, and attention under none, each and both of them."""
    seq = np.array([[7, 6, 0], [1, 2, 3], [1, 0, 0]], dtype=np.int32)
    padding = create_padding_mask(seq)
    look_ahead = create_look_ahead_mask(seq.shape[1])
    q, k, v = (rng.standard_normal((3, 2, 3, 4)).astype(np.float32) for _ in range(3))
    values = {"seq": seq, "padding_mask": padding, "look_ahead_mask": look_ahead}
    values |= {"q": q, "k": k, "v": v}
    masks = {
        "none": None,
        "padding": padding,
        "look_ahead": look_ahead,
        "both": tf.maximum(padding, look_ahead),
    }
    for name, mask in masks.items():
        output, weights = scaled_dot_product_attention(q, k, v, mask)
        values[f"attention_{name}"] = {"output": output, "weights": weights}
    return values


def main() -> None:
    """Writes keras.safetensors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/notebooks")
    parser.add_argument("--seed", type=int, default=111)
    arguments = parser.parse_args()
    recording = Recording(
        {"keras": keras.__version__, "tensorflow": tf.__version__}, arguments.seed
    )
    padded_inputs = keras.utils.pad_sequences(RAW_INPUTS, padding="post")
    text = "Cells 4, 12, 16 and 17: Embedding(5000, 16, mask_zero), LSTM(32)."
    recording.add("models", text, run_models(recording.rng, padded_inputs))
    text = "Cells 13 and 23 to 37: Masking, and the notebook's own layers."
    recording.add("custom_layers", text, run_custom_layers(recording.rng, padded_inputs))
    text = "Cells 40 to 42: masks, 1 = hidden, and attention under them."
    recording.add("attention", text, run_attention(recording.rng))
    recording.save(arguments.output / "keras.safetensors")
    write_index(arguments.output)


if __name__ == "__main__":
    main()
