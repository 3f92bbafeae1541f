"""Records what layers, losses and small models of Keras give on masked batches.

Keras pads and carries masks; what refuses or loses a mask runs sequence by sequence. One file per
subject. Padding holds zeros: Keras multiplies by masks, so that NaN there would spoil gradients.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ |= {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

import keras
import tensorflow as tf
from keras_layers import (
    attention,
    conv,
    embedding,
    losses,
    merging,
    models,
    norms,
    recurrent,
)
from layer_recording import Recording, write_index

SUBJECTS = {
    "embedding": embedding,
    "recurrent": recurrent,
    "norms": norms,
    "conv": conv,
    "attention": attention,
    "merging": merging,
    "losses": losses,
    "models": models,
}


def main() -> None:
    """Writes keras_SUBJECT.safetensors for every subject, and the index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/layers")
    parser.add_argument("--seed", type=int, default=90)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    recorded_by = {"keras": keras.__version__, "tensorflow": tf.__version__}
    for name, subject in SUBJECTS.items():
        recording = Recording(recorded_by, arguments.seed)
        subject.record(recording)
        recording.save(arguments.output / f"keras_{name}.safetensors")
    write_index(arguments.output)


if __name__ == "__main__":
    main()
