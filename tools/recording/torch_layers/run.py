"""Runs a PyTorch module sequence by sequence and differentiates what it gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch


def randomise(module: torch.nn.Module, rng: np.random.Generator) -> None:
    """Replaces every parameter; the gain of a norm stays near 1."""
    for name, parameter in module.named_parameters():
        noise = torch.from_numpy(rng.standard_normal(tuple(parameter.shape)).astype(np.float32))
        is_gain = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = 1.0 + 0.3 * noise if is_gain else 0.4 * noise


def variable(values: np.ndarray) -> torch.Tensor:
    """An input whose gradient is wanted."""
    return torch.from_numpy(values).clone().requires_grad_(values.dtype.kind == "f")


def run_alone(
    run: Callable[..., torch.Tensor | None], keeps: list[np.ndarray], inputs: list[torch.Tensor]
) -> tuple[torch.Tensor, np.ndarray]:
    """Runs each sequence by itself and lays the results into a padded grid.

    run    : the tokens [length, ...] of each input -> [new length, ...]; None where there are none
    keeps  : [B, L] of each input, padding on the right
    return : [B, new L, ...] and its [B, new L] keep
    """
    results = []
    for index in range(keeps[0].shape[0]):
        tokens = [x[index, : keep[index].sum()] for x, keep in zip(inputs, keeps, strict=True)]
        results.append(run(*tokens) if len(tokens[0]) else None)
    shape = next(result.shape[1:] for result in results if result is not None)
    none = torch.zeros((0, *shape))
    padded = torch.nn.utils.rnn.pad_sequence(
        [none if result is None else result for result in results], batch_first=True
    )
    lengths = [0 if result is None else len(result) for result in results]
    return padded, np.arange(padded.shape[1])[None, :] < np.array(lengths)[:, None]


def gradients(
    rng: np.random.Generator,
    outputs: dict[str, tuple[torch.Tensor, np.ndarray | None]],
    inputs: dict[str, torch.Tensor],
    module: torch.nn.Module | None = None,
) -> dict:
    """Outputs, d_output of each at random (0 where its keep is false), and all gradients."""
    tensors: dict = {name: output for name, (output, _) in outputs.items()}
    loss = torch.zeros(())
    for name, (output, keep) in outputs.items():
        d_output = rng.standard_normal(tuple(output.shape)).astype(np.float32)
        if keep is not None:
            d_output *= keep.reshape(keep.shape + (1,) * (d_output.ndim - 2))
        tensors["d_" + name] = d_output
        loss = loss + (output * torch.from_numpy(d_output)).sum()
    loss.backward()
    tensors |= inputs | {f"d_{name}": x.grad for name, x in inputs.items() if x.requires_grad}
    if module is not None:
        tensors["weights"] = dict(module.named_parameters())
        tensors["d_weights"] = {name: p.grad for name, p in module.named_parameters()}
    return tensors
