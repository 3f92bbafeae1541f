"""Conv1d and windowed pooling, sequence by sequence."""

from __future__ import annotations

import torch
from layer_recording import LENGTHS, Recording, keep_of, random_like

from torch_layers.run import gradients, randomise, run_alone, variable

CHANNELS = 4


def run_over_time(module: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor | None:
    """[length, C] -> [new length, O]; None where a sequence is shorter than a window."""
    try:
        return module(tokens.T.unsqueeze(0))[0].T
    except RuntimeError:
        return None


def describe(module: torch.nn.Module) -> str:
    """repr, and what that of AvgPool1d leaves out."""
    if isinstance(module, torch.nn.AvgPool1d):
        return f"{module!r} with count_include_pad={module.count_include_pad}"
    return repr(module)


def record_windows(recording: Recording, case: str, module: torch.nn.Module) -> None:
    """One module with its output's own lengths."""
    randomise(module, recording.rng)
    keep = keep_of(LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, CHANNELS), keep))
    output, output_keep = run_alone(lambda tokens: run_over_time(module, tokens), [keep], [x])
    has_weights = any(True for _ in module.parameters())
    outputs = {"output": (output, output_keep)}
    tensors = gradients(recording.rng, outputs, {"input": x}, module if has_weights else None)
    keeps = {"keep": keep, "output_keep": output_keep}
    recording.add(case, f"{describe(module)}, alone.", keeps | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    nn = torch.nn
    convolutions = {
        "conv1d": nn.Conv1d(CHANNELS, 3, 3),
        "conv1d_padding": nn.Conv1d(CHANNELS, 3, 3, padding=2),
        "conv1d_same": nn.Conv1d(CHANNELS, 3, 4, padding="same"),
        "conv1d_stride": nn.Conv1d(CHANNELS, 3, 3, stride=2, padding=1),
        "conv1d_dilation": nn.Conv1d(CHANNELS, 3, 2, dilation=3, padding=2),
        "conv1d_groups": nn.Conv1d(CHANNELS, 6, 3, padding=1, groups=2, bias=False),
        "conv1d_depthwise": nn.Conv1d(CHANNELS, 4, 2, stride=3, groups=4, padding=1),
    }
    poolings = {
        "max_pool": nn.MaxPool1d(2),
        "max_pool_padding": nn.MaxPool1d(3, stride=2, padding=1),
        "average_pool": nn.AvgPool1d(2),
        "average_pool_padding": nn.AvgPool1d(3, stride=1, padding=1),
        "average_pool_real_only": nn.AvgPool1d(3, stride=1, padding=1, count_include_pad=False),
    }
    for case, module in (convolutions | poolings).items():
        record_windows(recording, case, module)
