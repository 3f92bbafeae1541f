"""Writes recordings of layers and notebooks: safetensors files with many cases in each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

# A real token here and there, nothing at all, one token: what a batch meets.
LENGTHS = [4, 0, 7, 1, 3]
# For what refuses or divides by the length.
NONEMPTY_LENGTHS = [4, 1, 7, 3]


def keep_of(lengths: list[int], width: int | None = None) -> np.ndarray:
    """[B, L] bool for padding on the right."""
    width = max(lengths) if width is None else width
    return np.arange(width)[None, :] < np.array(lengths)[:, None]


def random_like(rng: np.random.Generator, shape: tuple[int, ...], keep: np.ndarray) -> np.ndarray:
    """[B, L, ...] f32 normal values where `keep` is true, zeros elsewhere."""
    values = rng.standard_normal(shape).astype(np.float32)
    return values * keep.reshape(keep.shape + (1,) * (values.ndim - 2))


def flatten(tensors: dict, prefix: str) -> dict[str, np.ndarray]:
    """Nested names joined by dots; torch and TensorFlow tensors become arrays."""
    flat: dict[str, np.ndarray] = {}
    for name, value in tensors.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            array = np.asarray(value.detach() if hasattr(value, "detach") else value)
            # A copy of its own: safetensors refuses tensors that share memory.
            flat[prefix + name] = np.array(array, order="C")
    return flat


class Recording:
    """The cases of one file."""

    def __init__(self, recorded_by: dict[str, str], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._header = {"recorded_by": recorded_by, "seed": seed}
        self._cases: dict[str, str] = {}
        self._tensors: dict[str, np.ndarray] = {}

    def add(self, case: str, description: str, tensors: dict) -> None:
        """Adds one case; `tensors` may nest, {"weights": {"bias": ...}}."""
        if case in self._cases:
            raise ValueError(f"{case}: expected a new case, got one that stands already")
        self._cases[case] = description
        self._tensors |= flatten(tensors, f"{case}.")

    def save(self, path: Path) -> None:
        """Writes the file. One key of metadata, because their order is not fixed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"recording": json.dumps(self._header | {"cases": self._cases})}
        save_file(self._tensors, path, metadata=metadata)


def describe_file(path: Path) -> list[str]:
    """The lines of the index about one file."""
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["recording"])
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    versions = ", ".join(f"{name} {version}" for name, version in header["recorded_by"].items())
    lines = ["", f"## {path.name}", "", f"By {versions}, seed {header['seed']}.", ""]
    for case, description in header["cases"].items():
        own = [name.removeprefix(case + ".") for name in shapes if name.startswith(case + ".")]
        listed = [
            f"`{name}` {shapes[f'{case}.{name}']}"
            for name in sorted(own)
            if not name.startswith("d_")
        ]
        gradients = sorted({name.split(".")[0] for name in own if name.startswith("d_")})
        listed += [f"`{name}`" for name in gradients]
        lines.append(f"- **{case}**: {description} " + ", ".join(listed))
    return lines


def write_index(directory: Path) -> None:
    """README.md of the directory: below its hand-written head every file, case and tensor."""
    readme = directory / "README.md"
    head, _, _ = readme.read_text(encoding="utf-8").partition("\n## ")
    lines = head.rstrip("\n").split("\n")
    for path in sorted(directory.glob("*.safetensors")):
        lines += describe_file(path)
    readme.write_text("\n".join(lines) + "\n", encoding="utf-8")
