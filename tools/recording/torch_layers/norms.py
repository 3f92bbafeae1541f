"""Norms; statistics see real tokens only."""

from __future__ import annotations

import numpy as np
import torch
from layer_recording import LENGTHS, Recording, keep_of, random_like

from torch_layers.run import gradients, randomise, run_alone, variable

CHANNELS = 6
# InstanceNorm refuses a sequence of one token.
LONGER_LENGTHS = [4, 0, 7, 3]


def over_time(module: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """A module that wants [1, C, length], on [length, C]."""
    return module(tokens.T.unsqueeze(0))[0].T


def record_norm(
    recording: Recording, case: str, module: torch.nn.Module, lengths: list[int], time: bool
) -> None:
    """A norm of each token, or with `time` of each sequence."""
    randomise(module, recording.rng)
    keep = keep_of(lengths)
    x = variable(random_like(recording.rng, (*keep.shape, CHANNELS), keep))
    run = (lambda tokens: over_time(module, tokens)) if time else module
    output, _ = run_alone(run, [keep], [x])
    tensors = gradients(recording.rng, {"output": (output, keep)}, {"input": x}, module)
    recording.add(case, f"{module!r}, alone.", {"keep": keep} | tensors)


def record_batch_norm(recording: Recording, case: str, training: bool) -> None:
    """BatchNorm1d over all real tokens of the batch, [T, C]."""
    rng = recording.rng
    module = torch.nn.BatchNorm1d(CHANNELS, momentum=0.3)
    randomise(module, rng)
    module.running_mean.copy_(torch.from_numpy(rng.standard_normal(CHANNELS)))
    module.running_var.copy_(torch.from_numpy(0.5 + rng.random(CHANNELS)))
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    module.train(training)
    keep = keep_of(LENGTHS)
    x = variable(random_like(rng, (*keep.shape, CHANNELS), keep))
    output = torch.zeros(x.shape).masked_scatter(
        torch.from_numpy(keep).unsqueeze(-1), module(x[torch.from_numpy(keep)])
    )
    tensors = gradients(rng, {"output": (output, keep)}, {"input": x}, module)
    tensors["weights"] |= before
    if training:
        tensors["weights_after"] = dict(module.named_buffers())
    description = f"{module!r}, train({training}), over the real tokens of the whole batch."
    recording.add(case, description, {"keep": keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    nn = torch.nn
    plain = [
        ("layer_norm", nn.LayerNorm(CHANNELS)),
        ("layer_norm_no_bias", nn.LayerNorm(CHANNELS, eps=1e-3, bias=False)),
        ("rms_norm", nn.RMSNorm(CHANNELS, eps=1e-6)),
    ]
    for case, module in plain:
        record_norm(recording, case, module, LENGTHS, time=False)
    group_norm = nn.GroupNorm(3, CHANNELS)
    record_norm(recording, "group_norm", group_norm, LENGTHS, time=True)
    instance_norm = nn.InstanceNorm1d(CHANNELS, affine=True)
    record_norm(recording, "instance_norm", instance_norm, LONGER_LENGTHS, time=True)
    record_batch_norm(recording, "batch_norm_training", training=True)
    record_batch_norm(recording, "batch_norm_inference", training=False)
