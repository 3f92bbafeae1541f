"""Activations element by element, softmax and log_softmax over the last axis."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from layer_recording import Recording
from torch.nn import functional

from torch_layers.run import gradients, variable

ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
}
# 20.5 lies beyond the threshold from which PyTorch's softplus is x itself.
CORNERS = [0.0, 1e-4, -1e-4, 1.0, -1.0, 5.5, -5.5, 12.0, -12.0, 20.5, -20.5, 88.0, -88.0]


def record(recording: Recording) -> None:
    """All cases."""
    rng = recording.rng
    for name, activation in ACTIVATIONS.items():
        x = variable(np.concatenate([CORNERS, 3 * rng.standard_normal(20)]).astype(np.float32))
        tensors = gradients(rng, {"output": (activation(x), None)}, {"input": x})
        recording.add(name, "Element by element, its default parameters.", tensors)
    for name in ["softmax", "log_softmax"]:
        x = variable((4 * rng.standard_normal((5, 7))).astype(np.float32))
        output = getattr(torch, name)(x, dim=-1)
        tensors = gradients(rng, {"output": (output, None)}, {"input": x})
        recording.add(name, "Over the last axis.", tensors)
