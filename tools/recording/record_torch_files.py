"""Writes tests/data/io/: files of torch.save in every form that nopad reads, and their values.

`torch-NAME.bin` is what torch writes; `torch-NAME.safetensors` holds the same tensors, contiguous
and, where they are floats, as f32.
"""

from __future__ import annotations

import argparse
import collections
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

Tensors = dict[str, torch.Tensor]


def random_tensors(seed: int) -> Tensors:
    """One tensor per way of lying in a storage, and one per element type."""
    torch.manual_seed(seed)
    base = torch.randn(6, 5)
    tied = torch.randn(3, 4)
    tensors = {
        "base": base,
        "transposed": base.t(),
        "row": base[2],
        "column": base[:, 3],
        "every_second": base[1::2, ::2],
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "expanded": torch.randn(3, 1).expand(3, 4),
        "tied.a": tied,
        "tied.b": tied,
        "tied.reshaped": tied.view(12),
        "scalar": torch.tensor(1.5),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(4)),
        "f64": torch.randn(7, dtype=torch.float64),
        "f16": torch.randn(7).to(torch.float16),
        "f16.transposed": torch.randn(2, 3).to(torch.float16).t(),
        "bf16": torch.randn(7).to(torch.bfloat16),
        "i64": torch.arange(5),
        "i32": torch.arange(5, dtype=torch.int32),
        "i16": torch.arange(5, dtype=torch.int16),
        "i8": torch.arange(5, dtype=torch.int8),
        "u8": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "c64": torch.randn(2, dtype=torch.complex64),
    }
    attributed = torch.nn.Parameter(torch.randn(2))
    attributed.note = "a parameter with an attribute is rebuilt by another function"
    return tensors | {"parameter.attributed": attributed}


def newer_tensors() -> Tensors:
    """Types that torch stores without a class of their own, in archives only."""
    return {"u16": torch.arange(5).to(torch.uint16), "f8": torch.ones(3).to(torch.float8_e4m3fn)}


def save_values(tensors: Tensors, path: Path) -> None:
    """The floats among them, as what a reader must give for them."""
    floats = {
        name: tensor.detach().to(torch.float32).clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
        if tensor.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)
    }
    save_file(floats, path)


def record(output: Path, name: str, saved: Any, tensors: Tensors, **options: Any) -> None:
    torch.save(saved, output / f"torch-{name}.bin", **options)
    save_values(tensors, output / f"torch-{name}.safetensors")


def record_wrapped(output: Path, tensors: Tensors) -> None:
    """A training checkpoint: the state dict stands beside an optimizer's and plain values."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimizer.step()
    saved = {
        "epoch": 3,
        "loss": 0.25,
        "note": "näher",
        "best": None,
        "shape": torch.Size([2, 3]),
        "dtype": torch.bfloat16,
        "device": torch.device("cpu"),
        "optimizer": optimizer.state_dict(),
        "state_dict": model.state_dict(),
    }
    record(output, "wrapped", saved, model.state_dict())
    beside = collections.OrderedDict(tensors) | {"epoch": 3, "names": ["a", "b"]}
    record(output, "protocol-4", beside, tensors, pickle_protocol=4)


def record_shards(output: Path, tensors: Tensors) -> None:
    """Two shards and their index, as transformers named them before safetensors."""
    directory = output / "torch-sharded"
    directory.mkdir(exist_ok=True)
    names = sorted(tensors)
    weight_map = {}
    for shard, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"pytorch_model-{shard:05}-of-00002.bin"
        torch.save({name: tensors[name] for name in part}, directory / file)
        weight_map |= {name: file for name in part}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (directory / "pytorch_model.bin.index.json").write_text(text)
    save_values(tensors, output / "torch-sharded.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    tensors = random_tensors(arguments.seed)
    record(arguments.output, "archive", tensors | newer_tensors(), tensors)
    record(arguments.output, "legacy", tensors, tensors, _use_new_zipfile_serialization=False)
    few = {name: tensors[name] for name in ("base", "f16", "tied.a", "tied.b", "i64")}
    record_wrapped(arguments.output, few)
    record_shards(arguments.output, few)


if __name__ == "__main__":
    main()
