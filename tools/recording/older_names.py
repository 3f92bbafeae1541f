"""Rewrites a model directory into the spelling of the BERT releases before 2022."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def rename_to_older_names(directory: Path) -> None:
    """Older tensor names in model.safetensors, `torch_dtype` for `dtype` in config.json."""
    rename_tensors(directory / "model.safetensors")
    config_path = directory / "config.json"
    config = json.loads(config_path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def rename_tensors(path: Path) -> None:
    """LayerNorm.{weight,bias} become {gamma,beta}, under `bert.`, with the position_ids buffer."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in load_file(path).items():
        older = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        older = older.replace("LayerNorm.bias", "LayerNorm.beta")
        has_prefix = older.startswith(("bert.", "cls."))
        tensors[older if has_prefix else "bert." + older] = tensor
    positions = tensors["bert.embeddings.position_embeddings.weight"].shape[0]
    tensors["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    save_file(tensors, path, metadata={"format": "pt"})
