"""LSTM, GRU and RNN over packed sequences of unsorted lengths."""

from __future__ import annotations

import numpy as np
import torch
from layer_recording import NONEMPTY_LENGTHS, Recording, keep_of, random_like
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_layers.run import gradients, randomise, variable


def run_packed(
    module: torch.nn.RNNBase, x: torch.Tensor, state: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The outputs, padded again, and the final states (one for each initial state)."""
    packed = pack_padded_sequence(
        x, torch.tensor(NONEMPTY_LENGTHS), batch_first=True, enforce_sorted=False
    )
    is_lstm = isinstance(module, torch.nn.LSTM)
    output, final = module(packed, tuple(state) if is_lstm else state[0])
    padded, _ = pad_packed_sequence(output, batch_first=True)
    return padded, list(final) if is_lstm else [final]


def record_recurrent(
    recording: Recording, case: str, module: torch.nn.RNNBase, initial: bool
) -> None:
    """One module; `initial` states are random, else zeros without a gradient."""
    randomise(module, recording.rng)
    keep = keep_of(NONEMPTY_LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, module.input_size), keep))
    directions = 2 if module.bidirectional else 1
    shape = (module.num_layers * directions, len(NONEMPTY_LENGTHS), module.hidden_size)
    names = ["h", "c"] if isinstance(module, torch.nn.LSTM) else ["h"]
    inputs = {"input": x}
    if initial:
        states = [recording.rng.standard_normal(shape).astype(np.float32) for _ in names]
        inputs |= {f"{name}_0": variable(s) for name, s in zip(names, states, strict=True)}
    initials = [inputs.get(f"{name}_0", torch.zeros(shape)) for name in names]
    output, final = run_packed(module, x, initials)
    outputs = {"output": (output, keep)}
    outputs |= {f"{name}_n": (state, None) for name, state in zip(names, final, strict=True)}
    tensors = gradients(recording.rng, outputs, inputs, module)
    recording.add(case, f"{module!r}, packed, batch_first.", {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    nn = torch.nn
    record_recurrent(recording, "lstm", nn.LSTM(5, 3), initial=False)
    record_recurrent(recording, "lstm_initial_state", nn.LSTM(5, 3), initial=True)
    record_recurrent(recording, "lstm_no_bias", nn.LSTM(5, 3, bias=False), initial=False)
    two_layers = {"num_layers": 2, "bidirectional": True}
    record_recurrent(recording, "lstm_two_layers", nn.LSTM(5, 3, **two_layers), initial=True)
    record_recurrent(recording, "gru", nn.GRU(5, 3), initial=False)
    record_recurrent(recording, "gru_two_layers", nn.GRU(5, 3, **two_layers), initial=True)
    record_recurrent(recording, "rnn_tanh", nn.RNN(5, 3), initial=False)
    record_recurrent(recording, "rnn_relu", nn.RNN(5, 3, nonlinearity="relu"), initial=True)
    record_recurrent(recording, "rnn_two_layers", nn.RNN(5, 3, **two_layers), initial=True)
