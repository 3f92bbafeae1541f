"""LSTM, GRU, SimpleRNN and Bidirectional over masked batches."""

from __future__ import annotations

import keras
import numpy as np
from layer_recording import Recording, keep_of, random_like

from keras_layers.run import randomise, record_run

UNITS = 3
FEATURES = 5
RIGHT = keep_of([4, 0, 7, 1, 3])
HOLES = np.array(
    [
        [1, 1, 0, 1, 0, 0, 1],
        [0, 0, 0, 1, 1, 1, 1],
        [0, 1, 0, 0, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 1],
    ],
    dtype=bool,
)
EVERYTHING = {"return_sequences": True, "return_state": True}


def state_names(layer: keras.Layer) -> list[str]:
    """The states in the order of the outputs."""
    inner = getattr(layer, "forward_layer", layer)
    names = ["h", "c"] if isinstance(inner, keras.layers.LSTM) else ["h"]
    if inner is layer:
        return names
    return [f"{side}_{name}" for side in ("forward", "backward") for name in names]


def run_layer(layer: keras.Layer, x: object, keep: np.ndarray, initial: list | None) -> dict:
    """The outputs by name with their keep: `output`, and the final states where they return."""
    out = layer(x, mask=keep, initial_state=initial)
    out = list(out) if isinstance(out, list | tuple) else [out]
    by_time = out[0].shape.rank == 3
    outputs = {"output": (out[0], keep if by_time else None)}
    names = [f"{name}_n" for name in state_names(layer)]
    return outputs | {name: (state, None) for name, state in zip(names, out[1:], strict=False)}


def record_recurrent(
    recording: Recording,
    case: str,
    description: str,
    layer: keras.Layer,
    keep: np.ndarray = RIGHT,
    initial: bool = False,
) -> None:
    """One layer; `initial` states are random, else zeros."""
    rng = recording.rng
    layer.build((None, None, FEATURES))
    randomise(layer, rng)
    inputs = {"input": random_like(rng, (*keep.shape, FEATURES), keep)}
    names = [f"{name}_0" for name in state_names(layer)] if initial else []
    for name in names:
        inputs[name] = rng.standard_normal((len(keep), UNITS)).astype(np.float32)

    def run(tensors: dict) -> dict:
        states = [tensors[name] for name in names] or None
        return run_layer(layer, tensors["input"], keep, states)

    recording.add(case, description, {"keep": keep} | record_run(rng, layer, inputs, run))


def record_kinds(recording: Recording) -> None:
    """Each kind of cell with all outputs, in the variants it has."""
    layers = keras.layers
    kinds = {
        "lstm": (layers.LSTM, {}),
        "lstm_no_bias": (layers.LSTM, {"use_bias": False}),
        "gru": (layers.GRU, {"reset_after": True}),
        "gru_reset_before": (layers.GRU, {"reset_after": False}),
        "simple_rnn": (layers.SimpleRNN, {}),
        "simple_rnn_relu": (layers.SimpleRNN, {"activation": "relu"}),
    }
    for case, (kind, options) in kinds.items():
        name = case.split("_reset")[0].split("_no_bias")[0].removesuffix("_relu")
        text = ", ".join(f"{key}={value}" for key, value in (options | EVERYTHING).items())
        text = f"{kind.__name__}({UNITS}, {text})"
        layer = kind(UNITS, **options, **EVERYTHING, name=name)
        record_recurrent(recording, case, text + ".", layer)
        layer = kind(UNITS, **options, **EVERYTHING, name=name)
        text += ", initial_state, holes and left padding."
        record_recurrent(recording, f"{case}_initial_state_holes", text, layer, HOLES, initial=True)


def record_directions(recording: Recording) -> None:
    """Backwards, last outputs alone, both directions, and layers on layers."""
    layers = keras.layers
    backwards = layers.LSTM(UNITS, go_backwards=True, return_state=True, name="lstm")
    text = f"LSTM({UNITS}, go_backwards=True, return_state=True): the output at the first token."
    record_recurrent(recording, "lstm_backwards_last", text, backwards)
    backwards = layers.LSTM(UNITS, go_backwards=True, return_sequences=True, name="lstm")
    text = (
        f"LSTM({UNITS}, go_backwards=True, return_sequences=True), no padding: "
        "output t belongs to token L - 1 - t."
    )
    full = np.ones((2, 5), dtype=bool)
    record_recurrent(recording, "lstm_backwards_sequences", text, backwards, full)
    last = layers.LSTM(UNITS, name="lstm")
    record_recurrent(recording, "lstm_last", f"LSTM({UNITS}): the last output alone.", last)
    for mode in ("concat", "sum", "mul", "ave"):
        for sequences in (True, False):
            inner = layers.LSTM(UNITS, return_sequences=sequences, name="lstm")
            layer = layers.Bidirectional(inner, merge_mode=mode, name="bidirectional")
            what = "sequences" if sequences else "last"
            text = f"Bidirectional(LSTM({UNITS}, return_sequences={sequences}), {mode})."
            record_recurrent(recording, f"bidirectional_{mode}_{what}", text, layer, HOLES)
    inner = layers.GRU(UNITS, **EVERYTHING, name="gru")
    layer = layers.Bidirectional(inner, name="bidirectional")
    text = f"Bidirectional(GRU({UNITS}), concat) with states, initial_state."
    record_recurrent(recording, "bidirectional_gru", text, layer, RIGHT, initial=True)


def record_stacked(recording: Recording) -> None:
    """Two layers, and one layer of two cells: the same sum of work, other names."""
    layers = keras.layers
    rng = recording.rng
    stack = [
        layers.LSTM(UNITS, return_sequences=True, name="first"),
        layers.LSTM(4, name="second"),
    ]
    x = keras.Input((None, FEATURES), name="input")
    y = stack[1](stack[0](layers.Masking(name="masking")(x)))
    model = keras.Model(x, y, name="stacked")
    randomise(model, rng)
    inputs = {"input": random_like(rng, (*RIGHT.shape, FEATURES), RIGHT)}
    tensors = record_run(rng, model, inputs, lambda own: {"output": (model(own["input"]), None)})
    text = f"Masking, LSTM({UNITS}, return_sequences=True), LSTM(4)."
    recording.add("lstm_stacked", text, {"keep": RIGHT} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    record_kinds(recording)
    record_directions(recording)
    record_stacked(recording)
