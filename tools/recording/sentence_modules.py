"""Turns a plain model directory into one of sentence-transformers, with its modules."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sentence_transformers
import torch
from goldens import seed_of
from random_model import randomise
from sentence_transformers.sentence_transformer import modules
from sentence_transformers.sparse_encoder import modules as sparse_modules

DENSE_WIDTH = 10


@contextmanager
def copied_away(directory: Path) -> Iterator[str]:
    """A copy to read from while `directory` is written."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(directory, copy, dirs_exist_ok=True)
        yield copy


def add_sentence_modules(directory: Path, mode: str) -> None:
    """Pooling, Dense with tanh, Normalize."""
    with copied_away(directory) as plain:
        transformer = modules.Transformer(plain)
        hidden_size = transformer.get_embedding_dimension()
        dense = modules.Dense(hidden_size, DENSE_WIDTH, activation_function=torch.nn.Tanh())
        randomise(dense, seed_of(mode, 7))
        pooling = modules.Pooling(hidden_size, pooling_mode=mode)
        model = sentence_transformers.SentenceTransformer(
            modules=[transformer, pooling, dense, modules.Normalize()], device="cpu"
        )
        model.save_pretrained(str(directory), create_model_card=False)


def add_splade_modules(directory: Path) -> None:
    """SPLADE's maximum over the tokens."""
    with copied_away(directory) as plain:
        transformer = sparse_modules.Transformer(plain, transformer_task="fill-mask")
        model = sentence_transformers.SparseEncoder(
            modules=[transformer, sparse_modules.SpladePooling("max")], device="cpu"
        )
        model.save_pretrained(str(directory), create_model_card=False)
