"""Records what Keras and PyTorch make of sequences of unequal length at the border to padding.

keras_pad_sequences.safetensors : keras.utils.pad_sequences
torch_sequences.safetensors     : pad_sequence, pack_padded_sequence and pad_packed_sequence

Cases are numbered from 0: "0.lengths", "0.values", ... Settings stand beside what they give.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch.nn.utils import rnn  # noqa: E402

SIDES = ["pre", "post"]
# Unsorted, with equal ones; and one sequence, and all equal.
LENGTHS = [[3, 1, 5, 3], [4], [2, 2, 2]]


def random_rows(generator: torch.Generator, length: int, dtype: torch.dtype) -> torch.Tensor:
    """One sequence: [length] integers or [length, 2] floats."""
    if dtype == torch.int32:
        return torch.randint(1, 5000, (length,), generator=generator, dtype=dtype)
    return torch.rand((length, 2), generator=generator)


def record_pad_sequences(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Every pair of sides, cut and not, of integers and of feature rows, one of them empty."""
    tensors: dict[str, torch.Tensor] = {}
    settings = itertools.product(SIDES, SIDES, [None, 2, 7], [torch.int32, torch.float32])
    for case, (padding, truncating, max_length, dtype) in enumerate(settings):
        lengths = [3, 0, 5, 1]
        sequences = [random_rows(generator, length, dtype) for length in lengths]
        padded = keras.utils.pad_sequences(
            [sequence.numpy() for sequence in sequences],
            maxlen=max_length,
            dtype=str(dtype).removeprefix("torch."),
            padding=padding,
            truncating=truncating,
            value=-3.0,
        )
        config = [padding == "pre", truncating == "pre", max_length or 0]
        tensors |= {
            f"{case}.lengths": torch.tensor(lengths),
            f"{case}.values": torch.cat(sequences),
            f"{case}.config": torch.tensor(config, dtype=torch.int64),
            f"{case}.padded": torch.from_numpy(np.ascontiguousarray(padded)),
        }
    return tensors


def record_torch(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Each batch padded, packed and padded again, time first and batch first."""
    tensors: dict[str, torch.Tensor] = {}
    settings = itertools.product(LENGTHS, [False, True], [torch.int32, torch.float32])
    for case, (lengths, batch_first, dtype) in enumerate(settings):
        sequences = [random_rows(generator, length, dtype) for length in lengths]
        padded = rnn.pad_sequence(sequences, batch_first, padding_value=-3)
        packed = rnn.pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
        total_length = max(lengths) + 2
        again, again_lengths = rnn.pad_packed_sequence(packed, batch_first, -4.0, total_length)
        tensors |= {
            f"{case}.lengths": torch.tensor(lengths),
            f"{case}.values": torch.cat(sequences),
            f"{case}.config": torch.tensor([batch_first, total_length], dtype=torch.int64),
            f"{case}.padded": padded,
            f"{case}.padded_left": rnn.pad_sequence(
                sequences, batch_first, padding_value=-3, padding_side="left"
            ),
            f"{case}.packed.data": packed.data,
            f"{case}.packed.batch_sizes": packed.batch_sizes,
            f"{case}.packed.sorted_indices": packed.sorted_indices,
            f"{case}.packed.unsorted_indices": packed.unsorted_indices,
            f"{case}.padded_again": again,
            f"{case}.lengths_again": again_lengths,
        }
    return tensors


def main() -> None:
    """Parses the arguments and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/border")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(arguments.seed)
    versions = {"keras": keras.__version__, "torch": torch.__version__.split("+")[0]}
    for name, record in [
        ("keras_pad_sequences", record_pad_sequences),
        ("torch_sequences", record_torch),
    ]:
        tensors = {key: value.contiguous() for key, value in record(generator).items()}
        save_file(tensors, arguments.output / f"{name}.safetensors", metadata=versions)


if __name__ == "__main__":
    main()
