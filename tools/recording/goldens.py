"""Writes one recording: tensors in recorded.safetensors, what they belong to in recorded.json."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file


def save_recording(directory: Path, tensors: dict[str, torch.Tensor], description: dict) -> None:
    """Writes `tensors` and `description` into `directory`, replacing an older recording."""
    directory.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    path = directory / "recorded.safetensors"
    save_file(contiguous, path)
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (directory / "recorded.json").write_text(text + "\n", encoding="utf-8")


def token_id_tensor(token_ids: list[int]) -> torch.Tensor:
    """Token ids as they stand in a recording: int32."""
    return torch.tensor(token_ids, dtype=torch.int32)


def recorded_by() -> dict[str, str]:
    """The versions that a recording of a model comes from."""
    return {"transformers": transformers.__version__, "torch": torch.__version__}


def seed_of(name: str, base: int) -> int:
    """A seed of the directory's own, so that a new directory changes no other."""
    return base + zlib.crc32(name.encode()) % 10000
