"""Random parameters and random sequences for small models of odd shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from goldens import token_id_tensor


@dataclass(frozen=True)
class TokenSequence:
    """One text, or two texts in one sequence where the types say so."""

    token_ids: list[int]
    token_types: list[int]


@dataclass(frozen=True)
class Spread:
    """Standard deviations of random parameters; norm weights lie around 1 in any case."""

    tables: float = 0.25
    biases: float = 0.25
    # Divided by the root of a matrix's input width; None: all matrices have 0.25.
    gain: float | None = None


FLAT = Spread()
# So small that ten layers still tell one token from another.
DEEP = Spread(tables=0.5, biases=0.1, gain=0.7)
# So large that the logits of one or two layers and a head differ well.
SHALLOW = Spread(tables=0.3, biases=0.25, gain=1.5)


def randomise(model: torch.nn.Module, seed: int, spread: Spread = FLAT) -> None:
    """Replaces every parameter, so that a swapped or forgotten one changes the output."""
    generator = torch.Generator().manual_seed(seed)
    modules = list(model.modules())
    norms = {id(module.weight) for module in modules if isinstance(module, torch.nn.LayerNorm)}
    tables = {id(module.weight) for module in modules if isinstance(module, torch.nn.Embedding)}
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if id(parameter) in norms:
            value = 1.0 + 0.3 * noise
        elif id(parameter) in tables:
            value = spread.tables * noise
        elif parameter.dim() == 1:
            value = spread.biases * noise
        else:
            value = (spread.gain / parameter.shape[1] ** 0.5 if spread.gain else 0.25) * noise
        parameter.data = value.to(parameter.dtype)


def draw_sequences(
    vocabulary: Sequence[int], lengths: Sequence[int], num_types: int, seed: int
) -> list[TokenSequence]:
    """One sequence for each length; with two types the second half is of type 1."""
    generator = torch.Generator().manual_seed(seed)
    sequences = []
    for length in lengths:
        drawn = torch.randint(0, len(vocabulary), (length,), generator=generator).tolist()
        first_of_second = (length + 1) // 2 if num_types > 1 else length
        token_types = [0 if index < first_of_second else 1 for index in range(length)]
        sequences.append(TokenSequence([vocabulary[index] for index in drawn], token_types))
    return sequences


def run_alone(
    model: torch.nn.Module, sequence: TokenSequence, *, takes_token_types: bool
) -> dict[str, torch.Tensor]:
    """The outputs of one sequence in a batch of its own."""
    inputs = {"input_ids": torch.tensor([sequence.token_ids])}
    if takes_token_types:
        inputs["token_type_ids"] = torch.tensor([sequence.token_types])
    return dict(model(**inputs))


def input_tensors(index: int, sequence: TokenSequence) -> dict[str, torch.Tensor]:
    """What goes in, under the names of a recording."""
    return {
        f"token_ids.{index}": token_id_tensor(sequence.token_ids),
        f"token_type_ids.{index}": token_id_tensor(sequence.token_types),
    }
