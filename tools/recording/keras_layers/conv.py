"""Conv1D and pooling, global and windowed, sequence by sequence."""

from __future__ import annotations

import keras
import tensorflow as tf
from layer_recording import LENGTHS, Recording, keep_of, random_like

from keras_layers.run import randomise, record_run, run_alone

CHANNELS = 4


def record_windows(recording: Recording, case: str, what: str, layer: keras.Layer) -> None:
    """One layer whose output has lengths of its own; a sequence shorter than a window has none."""
    keep = keep_of(LENGTHS)
    layer.build((None, None, CHANNELS))
    randomise(layer, recording.rng)
    x = random_like(recording.rng, (*keep.shape, CHANNELS), keep)
    grids = {}

    def run_one(tokens: tf.Tensor) -> tf.Tensor | None:
        try:
            return layer(tokens) if layer.compute_output_shape(tokens.shape)[1] > 0 else None
        except ValueError:
            return None

    def run(inputs: dict) -> dict:
        output, grids["output_keep"] = run_alone(run_one, keep, inputs["input"])
        return {"output": (output, grids["output_keep"])}

    tensors = record_run(recording.rng, layer if layer.weights else None, {"input": x}, run)
    recording.add(case, f"{what}, alone.", {"keep": keep} | grids | tensors)


def record_global(recording: Recording, case: str, layer: keras.Layer) -> None:
    """One vector for each sequence; zeros for the empty one, which ran not at all."""
    keep = keep_of(LENGTHS)
    x = random_like(recording.rng, (*keep.shape, CHANNELS), keep)

    def run(inputs: dict) -> dict:
        output, _ = run_alone(lambda tokens: layer(tokens)[:, None], keep, inputs["input"])
        return {"output": (output[:, 0], None)}

    tensors = record_run(recording.rng, None, {"input": x}, run)
    recording.add(case, f"{type(layer).__name__}, alone.", {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    layers = keras.layers
    convolutions = {
        "conv1d_valid": {"padding": "valid"},
        "conv1d_same": {"padding": "same"},
        "conv1d_causal": {"padding": "causal"},
        "conv1d_same_strides": {"padding": "same", "strides": 2},
        "conv1d_valid_strides": {"padding": "valid", "strides": 2},
        "conv1d_causal_dilation": {"padding": "causal", "dilation_rate": 2, "activation": "relu"},
        "conv1d_groups": {"padding": "same", "groups": 2, "use_bias": False},
    }
    for case, options in convolutions.items():
        filters, size = (6, 3) if "groups" in options else (3, 4 if "strides" in options else 3)
        layer = layers.Conv1D(filters, size, **options, name="conv1d")
        text = ", ".join(f"{name}={value}" for name, value in options.items())
        record_windows(recording, case, f"Conv1D({filters}, {size}, {text})", layer)
    for kind, name in ((layers.MaxPooling1D, "max"), (layers.AveragePooling1D, "average")):
        for padding, size, strides in (("valid", 2, 2), ("same", 3, 2), ("same", 3, 1)):
            case = f"{name}_pooling_{padding}_{size}_{strides}"
            text = f"{kind.__name__}({size}, strides={strides}, padding={padding})"
            record_windows(recording, case, text, kind(size, strides=strides, padding=padding))
    record_global(recording, "global_average_pooling", layers.GlobalAveragePooling1D())
    record_global(recording, "global_max_pooling", layers.GlobalMaxPooling1D())
