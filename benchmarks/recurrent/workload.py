"""The batch that every contender gets, and the weights that all of them run with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

# 32 texts of 3,001 tokens, the longest of 256: padded to it they would be 2.73 times as many. The
# lengths are the quantiles of a log-normal distribution, what descriptions of things look like, cut
# at 256 and put into a random order.
LENGTHS = [
    *(145, 84, 62, 59, 174, 26, 44, 39, 49, 80, 55, 94, 233, 69, 111, 19),
    *(105, 197, 46, 65, 99, 118, 72, 76, 35, 256, 31, 125, 134, 158, 89, 52),
]
INPUT_SIZE = 768
DIRECTIONS = 2
SEED = 1


def uniform(random: np.random.Generator, *shape: int, limit: float) -> np.ndarray:
    """Float32 in [-limit, limit)."""
    return random.uniform(-limit, limit, shape).astype(np.float32)


def make_data(units: int) -> dict[str, np.ndarray]:
    """Inputs, gradients of the output, and weights in PyTorch's order of gates, i, f, g, o.

    Weights have the range that PyTorch's LSTM starts from; `bias` is the sum of its two.
    """
    random = np.random.default_rng(SEED)
    tokens, limit = sum(LENGTHS), units**-0.5
    return {
        "lengths": np.array(LENGTHS, dtype=np.int64),
        "x": random.standard_normal((tokens, INPUT_SIZE), dtype=np.float32),
        "d_output": uniform(random, tokens, DIRECTIONS * units, limit=1.0),
        "weight_ih": uniform(random, DIRECTIONS, 4 * units, INPUT_SIZE, limit=limit),
        "weight_hh": uniform(random, DIRECTIONS, 4 * units, units, limit=limit),
        "bias": uniform(random, DIRECTIONS, 4 * units, limit=2 * limit),
    }


def write_data(units: int, path: Path) -> None:
    """Writes the data for the contenders to read."""
    save_file(make_data(units), path)


def padded_over_real() -> float:
    """Tokens of the padded batch over real ones."""
    return len(LENGTHS) * max(LENGTHS) / sum(LENGTHS)
