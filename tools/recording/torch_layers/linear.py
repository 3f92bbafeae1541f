"""Linear and Embedding."""

from __future__ import annotations

import torch
from layer_recording import LENGTHS, Recording, keep_of, random_like

from torch_layers.run import gradients, randomise, run_alone, variable


def record_linear(recording: Recording, case: str, bias: bool) -> None:
    """A Linear over every token."""
    module = torch.nn.Linear(5, 3, bias=bias)
    randomise(module, recording.rng)
    keep = keep_of(LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, 5), keep))
    output, _ = run_alone(module, [keep], [x])
    tensors = gradients(recording.rng, {"output": (output, keep)}, {"input": x}, module)
    recording.add(case, f"Linear(5, 3, bias={bias}), alone.", {"keep": keep} | tensors)


def record_embedding(recording: Recording, case: str, padding_idx: int | None) -> None:
    """An Embedding; with padding_idx that row's gradient is 0, though it is not 0 itself."""
    module = torch.nn.Embedding(11, 5, padding_idx=padding_idx)
    randomise(module, recording.rng)
    keep = keep_of(LENGTHS)
    ids = torch.from_numpy(recording.rng.integers(0, 11, keep.shape) * keep)
    output, _ = run_alone(module, [keep], [ids])
    tensors = gradients(recording.rng, {"output": (output, keep)}, {"ids": ids}, module)
    description = f"Embedding(11, 5, padding_idx={padding_idx}), alone."
    recording.add(case, description, {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    record_linear(recording, "linear", bias=True)
    record_linear(recording, "linear_no_bias", bias=False)
    record_embedding(recording, "embedding", padding_idx=None)
    record_embedding(recording, "embedding_padding_idx", padding_idx=0)
