"""Records what layers, losses and activations of PyTorch give, forward and backward.

Each sequence runs alone or packed, so that padding plays no part. One file per subject.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from layer_recording import Recording, write_index
from torch_layers import (
    activations,
    attention,
    conv,
    linear,
    losses,
    norms,
    recurrent,
    transformer,
)

SUBJECTS = {
    "linear": linear,
    "activations": activations,
    "recurrent": recurrent,
    "norms": norms,
    "conv": conv,
    "attention": attention,
    "transformer": transformer,
    "losses": losses,
}


def main() -> None:
    """Writes torch_SUBJECT.safetensors for every subject, and the index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/layers")
    parser.add_argument("--seed", type=int, default=80)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, subject in SUBJECTS.items():
        recording = Recording({"torch": torch.__version__}, arguments.seed)
        subject.record(recording)
        recording.save(arguments.output / f"torch_{name}.safetensors")
    write_index(arguments.output)


if __name__ == "__main__":
    main()
