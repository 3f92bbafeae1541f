"""TransformerEncoderLayer, TransformerDecoderLayer and TransformerEncoder without dropout."""

from __future__ import annotations

import torch
from layer_recording import LENGTHS, Recording, keep_of, random_like

from torch_layers.run import gradients, randomise, run_alone, variable

WIDTH = 6
# In train mode, so that the path of inference, with other kernels, is not taken.
SIZES = {"d_model": WIDTH, "nhead": 2, "dim_feedforward": 7, "dropout": 0.0, "batch_first": True}
MEMORY_LENGTHS = [2, 5, 1, 6, 3]


def hidden_after(length: int) -> torch.Tensor:
    """[length, length] bool, true = may not attend, for causal attention."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def record_encoder(
    recording: Recording, case: str, module: torch.nn.Module, causal: bool, what: str
) -> None:
    """An encoder or one of its layers, each sequence alone."""
    randomise(module, recording.rng)
    keep = keep_of(LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, WIDTH), keep))
    name = "mask" if isinstance(module, torch.nn.TransformerEncoder) else "src_mask"

    def run(tokens: torch.Tensor) -> torch.Tensor:
        hidden = hidden_after(len(tokens)) if causal else None
        return module(tokens.unsqueeze(0), **{name: hidden})[0]

    output, _ = run_alone(run, [keep], [x])
    tensors = gradients(recording.rng, {"output": (output, keep)}, {"input": x}, module)
    recording.add(case, f"{what}, alone.", {"keep": keep} | tensors)


def record_decoder(recording: Recording, case: str, norm_first: bool) -> None:
    """A decoder layer: causal self-attention, then attention to a memory of other lengths."""
    module = torch.nn.TransformerDecoderLayer(**SIZES, norm_first=norm_first)
    randomise(module, recording.rng)
    keep, memory_keep = keep_of(LENGTHS), keep_of(MEMORY_LENGTHS)
    x = variable(random_like(recording.rng, (*keep.shape, WIDTH), keep))
    memory = variable(random_like(recording.rng, (*memory_keep.shape, WIDTH), memory_keep))

    def run(tokens: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        hidden = hidden_after(len(tokens))
        return module(tokens.unsqueeze(0), own.unsqueeze(0), tgt_mask=hidden)[0]

    output, _ = run_alone(run, [keep, memory_keep], [x, memory])
    inputs = {"input": x, "memory": memory}
    tensors = gradients(recording.rng, {"output": (output, keep)}, inputs, module)
    description = f"TransformerDecoderLayer({WIDTH}, 2, 7, relu, norm_first={norm_first}), alone."
    recording.add(case, description, {"keep": keep, "memory_keep": memory_keep} | tensors)


def record(recording: Recording) -> None:
    """All cases."""
    for norm_first in (False, True):
        for activation in ("relu", "gelu"):
            layer = torch.nn.TransformerEncoderLayer(
                **SIZES, activation=activation, norm_first=norm_first
            )
            case = f"encoder_layer_{'pre' if norm_first else 'post'}_{activation}"
            what = f"TransformerEncoderLayer({WIDTH}, 2, 7, {activation}, norm_first={norm_first})"
            record_encoder(recording, case, layer, causal=False, what=what)
    layer = torch.nn.TransformerEncoderLayer(**SIZES)
    what = f"TransformerEncoderLayer({WIDTH}, 2, 7, relu, norm_first=False), causal"
    record_encoder(recording, "encoder_layer_causal", layer, causal=True, what=what)
    encoder = torch.nn.TransformerEncoder(
        layer, 2, norm=torch.nn.LayerNorm(WIDTH), enable_nested_tensor=False
    )
    what = f"TransformerEncoder of 2 layers ({WIDTH}, 2, 7, relu) and a last LayerNorm"
    record_encoder(recording, "encoder", encoder, causal=False, what=what)
    record_decoder(recording, "decoder_layer_post", norm_first=False)
    record_decoder(recording, "decoder_layer_pre", norm_first=True)
