"""Norms: of each token, of each sequence alone, and of the batch's real tokens."""

from __future__ import annotations

import keras
from layer_recording import LENGTHS, Recording, keep_of, random_like

from keras_layers.run import randomise, record_run, run_alone, weights_of

CHANNELS = 6


def record_norm(recording: Recording, case: str, layer: keras.Layer, what: str) -> None:
    """A norm of each token or of each sequence, sequence by sequence."""
    keep = keep_of(LENGTHS)
    layer.build((None, None, CHANNELS))
    randomise(layer, recording.rng)
    x = random_like(recording.rng, (*keep.shape, CHANNELS), keep)

    def run(inputs: dict) -> dict:
        return {"output": run_alone(layer, keep, inputs["input"])}

    tensors = record_run(recording.rng, layer, {"input": x}, run)
    recording.add(case, f"{what}, alone.", {"keep": keep} | tensors)


def record_batch_norm(recording: Recording, case: str, training: bool) -> None:
    """BatchNormalization with a mask: biased variance over the real tokens."""
    keep = keep_of(LENGTHS)
    layer = keras.layers.BatchNormalization(momentum=0.7, name="batch_normalization")
    layer.build((None, None, CHANNELS))
    randomise(layer, recording.rng)
    x = random_like(recording.rng, (*keep.shape, CHANNELS), keep)

    def run(inputs: dict) -> dict:
        return {"output": (layer(inputs["input"], mask=keep, training=training), keep)}

    tensors = {"keep": keep} | record_run(recording.rng, layer, {"input": x}, run)
    if training:
        tensors["weights_after"] = weights_of(layer)
    text = f"BatchNormalization(momentum=0.7), training={training}, epsilon {layer.epsilon}, mask."
    recording.add(case, text, tensors)


def record(recording: Recording) -> None:
    """All cases."""
    layers = keras.layers
    layer = layers.LayerNormalization(name="layer_normalization")
    text = f"LayerNormalization(epsilon={layer.epsilon})"
    record_norm(recording, "layer_normalization", layer, text)
    layer = layers.RMSNormalization(name="rms_normalization")
    record_norm(recording, "rms_normalization", layer, f"RMSNormalization(epsilon={layer.epsilon})")
    for groups in (3, -1):
        layer = layers.GroupNormalization(groups=groups, name="group_normalization")
        text = f"GroupNormalization(groups={groups}, epsilon={layer.epsilon})"
        case = "group_normalization" if groups > 0 else "group_normalization_each_channel"
        record_norm(recording, case, layer, text)
    record_batch_norm(recording, "batch_normalization_training", training=True)
    record_batch_norm(recording, "batch_normalization_inference", training=False)
