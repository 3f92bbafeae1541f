"""Small models: Sequential, functional, a tagger of tokens, a transformer block."""

from __future__ import annotations

import keras
import numpy as np
from layer_recording import NONEMPTY_LENGTHS, Recording, keep_of, random_like

from keras_layers.run import randomise, record_run

layers = keras.layers
VOCAB = 10
WIDTH = 4


def random_ids(recording: Recording, keep: np.ndarray) -> np.ndarray:
    """[B, L] i32: 1 to VOCAB - 1 for real tokens, 0 in the padding."""
    return (recording.rng.integers(1, VOCAB, keep.shape) * keep).astype(np.int32)


def record_model(
    recording: Recording, case: str, what: str, model: keras.Model, inputs: dict, outputs: dict
) -> None:
    """A model that takes `inputs` by name; `outputs` gives each output's keep or None."""
    randomise(model, recording.rng)

    def run(tensors: dict) -> dict:
        results = model(tensors if len(tensors) > 1 else next(iter(tensors.values())))
        results = results if isinstance(results, dict) else {"output": results}
        return {name: (results[name], keep) for name, keep in outputs.items()}

    keep = inputs["ids"] != 0
    recording.add(case, what, {"keep": keep} | record_run(recording.rng, model, inputs, run))


def sequential() -> keras.Model:
    """Embedding, LSTM, Dense."""
    model = keras.Sequential(
        [
            layers.Embedding(VOCAB, WIDTH, mask_zero=True, name="embedding"),
            layers.LSTM(3, name="lstm"),
            layers.Dense(2, activation="softmax", name="dense"),
        ]
    )
    model.build((None, None))
    return model


def two_inputs() -> keras.Model:
    """ids and features, joined; a label of the sequence and tags of its tokens."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = keras.Input((None, 3), name="features")
    words = layers.Embedding(VOCAB, WIDTH, mask_zero=True, name="embedding")(ids)
    masked = layers.Masking(name="masking")(features)
    joined = layers.Concatenate(name="joined")([words, masked])
    hidden = layers.Bidirectional(
        layers.GRU(3, return_sequences=True, name="gru"), name="bidirectional"
    )(joined)
    tags = layers.TimeDistributed(layers.Dense(4, name="dense"), name="tags")(hidden)
    label = layers.Dense(2, name="label")(layers.LSTM(3, name="lstm")(hidden))
    return keras.Model({"ids": ids, "features": features}, {"label": label, "tags": tags})


def averaged() -> keras.Model:
    """Embedding, bidirectional LSTM, mean over the real tokens, Dense."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(VOCAB, WIDTH, mask_zero=True, name="embedding")(ids)
    x = layers.Bidirectional(
        layers.LSTM(3, return_sequences=True, name="lstm"), name="bidirectional"
    )(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(ids, layers.Dense(2, activation="tanh", name="dense")(x))


class TransformerBlock(keras.Model):
    """x + attention(x), norm, feed-forward, norm, mean; every mask explicit."""

    def __init__(self) -> None:
        super().__init__(name="transformer_block")
        self.embedding = layers.Embedding(VOCAB, 6, mask_zero=True, name="embedding")
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.norms = [layers.LayerNormalization(name=f"norm_{index}") for index in (1, 2)]
        self.inner = layers.Dense(7, activation="relu", name="inner")
        self.outer = layers.Dense(6, name="outer")
        self.mean = layers.GlobalAveragePooling1D(name="mean")

    def call(self, ids: object) -> dict:
        x = self.embedding(ids)
        keep = self.embedding.compute_mask(ids)
        pairs = keep[:, :, None] & keep[:, None, :]
        x = self.norms[0](x + self.attention(x, x, attention_mask=pairs))
        x = self.norms[1](x + self.outer(self.inner(x)))
        return {"tokens": x, "mean": self.mean(x, mask=keep)}


def record(recording: Recording) -> None:
    """All cases."""
    keep = keep_of(NONEMPTY_LENGTHS)
    ids = {"ids": random_ids(recording, keep)}
    text = f"Embedding({VOCAB}, {WIDTH}, mask_zero), LSTM(3), Dense(2, softmax)."
    record_model(recording, "sequential", text, sequential(), ids, {"output": None})
    features = random_like(recording.rng, (*keep.shape, 3), keep)
    text = (
        "Concatenate(Embedding(ids), Masking(features)), Bidirectional(GRU(3)); from it `tags` "
        "(TimeDistributed(Dense(4))) and `label` (LSTM(3), Dense(2))."
    )
    inputs = ids | {"features": features}
    outputs = {"label": None, "tags": keep}
    record_model(recording, "two_inputs", text, two_inputs(), inputs, outputs)
    text = "Embedding, Bidirectional(LSTM(3)), GlobalAveragePooling1D, Dense(2, tanh)."
    record_model(recording, "averaged", text, averaged(), ids, {"output": None})
    block = TransformerBlock()
    block(ids["ids"])
    text = (
        "Embedding(10, 6), x + MultiHeadAttention(2, 3), LayerNormalization, x + Dense(6) of "
        "Dense(7, relu), LayerNormalization: `tokens`, and their masked `mean`."
    )
    outputs = {"tokens": keep, "mean": None}
    record_model(recording, "transformer_block", text, block, ids, outputs)
