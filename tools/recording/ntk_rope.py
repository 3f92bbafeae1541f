"""Rotary frequencies with the NTK scaling of the GTE models' own code.

transformers 5 reads those models without it. The formula is that of https://kexue.fm/archives/9706,
which the models' code and vLLM's NTKScalingRotaryEmbedding follow.
"""

from __future__ import annotations

import torch


def use_ntk_frequencies(model: torch.nn.Module, factor: float) -> None:
    """Gives the encoder inv_freq[i] = (theta * factor)^(-2i/K) / factor^(2/K), K the head size."""
    rotary = model.rotary_emb
    head_size = 2 * rotary.inv_freq.shape[0]
    theta = rotary.config.rope_parameters["rope_theta"] * factor
    exponents = torch.arange(0, head_size, 2, dtype=torch.float) / head_size
    rotary.inv_freq.copy_(theta**-exponents / factor ** (2 / head_size))
