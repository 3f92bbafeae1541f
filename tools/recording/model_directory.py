"""Writes a model directory in one of the forms that checkpoints have had over the years."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import torch


class Weights(Enum):
    """The form of the weights."""

    SAFETENSORS = "model.safetensors"
    SHARDED = "several safetensors files with an index"
    MODULE_NAMES = "model.safetensors under the names of the running classes"
    BIN = "pytorch_model.bin, a zip archive"
    LEGACY_BIN = "pytorch_model.bin as before torch 1.6"


def edit_config(directory: Path, edit: Callable[[dict], dict]) -> None:
    """Replaces config.json by what `edit` makes of it."""
    path = directory / "config.json"
    config = edit(json.loads(path.read_text()))
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def save_model(model: torch.nn.Module, directory: Path, weights: Weights) -> None:
    """config.json and the weights."""
    if weights in (Weights.BIN, Weights.LEGACY_BIN):
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(directory)
        save_bin(model, directory / "pytorch_model.bin", legacy=weights is Weights.LEGACY_BIN)
        return
    options: dict[str, object] = {}
    if weights is Weights.SHARDED:
        options["max_shard_size"] = "16KB"
    if weights is Weights.MODULE_NAMES:
        options["save_original_format"] = False
    model.save_pretrained(directory, **options)


def save_bin(model: torch.nn.Module, path: Path, *, legacy: bool) -> None:
    """All parameters, tied ones twice, and the position_ids that older releases stored."""
    tensors = dict(model.state_dict())
    name, table = next(
        (name, tensor) for name, tensor in tensors.items() if "position_embeddings" in name
    )
    ids_name = name.replace("position_embeddings.weight", "position_ids")
    tensors[ids_name] = torch.arange(table.shape[0]).unsqueeze(0)
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)


def load_back(model: torch.nn.Module, directory: Path, **options: object) -> torch.nn.Module:
    """The directory as transformers reads it, in f32."""
    loaded = type(model).from_pretrained(
        directory, attn_implementation="eager", dtype=torch.float32, **options
    )
    return loaded.eval()


def expect_same(again: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """What is read back must give what was recorded."""
    for name, tensor in expected.items():
        torch.testing.assert_close(again[name], tensor, rtol=0, atol=1e-5, msg=f"{name} differs")


@contextmanager
def finished_directory(directory: Path) -> Iterator[Path]:
    """A folder to write in that takes the place of `directory` when all has gone well."""
    scratch = Path(tempfile.mkdtemp(prefix=".recording-", dir=directory.parent.parent))
    try:
        yield scratch
        shutil.rmtree(directory, ignore_errors=True)
        scratch.chmod(0o755)
        os.replace(scratch, directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
