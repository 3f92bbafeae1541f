"""Writes small BERT models of odd shapes with random weights, and records what they give.

Each model becomes a directory as `save_pretrained` writes it, with a recording beside the weights.
Every sequence runs alone in f32, so that the recording knows neither padding nor neighbours.
transformers 4.x writes the shapes of VERSION_4_SHAPES, 5.x those of VERSION_5_SHAPES.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from goldens import save_recording, token_id_tensor
from older_names import rename_to_older_names
from random_bert import make_config, randomise
from tiny_vocab import make_tiny_vocab

SEQUENCE_LENGTHS = [1, 2, 7, 8, 9, 16, 17, 33]


@dataclass(frozen=True)
class Shape:
    """One directory: what differs from `make_config`, and how it is saved."""

    name: str
    config: dict[str, object] = field(default_factory=dict)
    model_class: type[torch.nn.Module] = transformers.BertModel
    pooler: bool = True
    dtype: torch.dtype = torch.float32
    max_shard_size: str = "5GB"
    older_names: bool = False


VERSION_5_SHAPES = [
    Shape("heads-3"),
    Shape(
        "types-1-relu",
        {
            "hidden_size": 20,
            "num_attention_heads": 5,
            "num_hidden_layers": 1,
            "intermediate_size": 33,
            "type_vocab_size": 1,
            "hidden_act": "relu",
            "layer_norm_eps": 1e-5,
        },
    ),
    Shape(
        "width-5",
        {
            "hidden_size": 5,
            "num_attention_heads": 5,
            "num_hidden_layers": 1,
            "intermediate_size": 3,
            "hidden_act": "quick_gelu",
        },
    ),
    Shape(
        "head-64-silu",
        {
            "hidden_size": 64,
            "num_attention_heads": 1,
            "num_hidden_layers": 1,
            "intermediate_size": 65,
            "hidden_act": "silu",
            "layer_norm_eps": 1e-3,
        },
    ),
    Shape(
        "tanh-gelu",
        {
            "hidden_size": 48,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "hidden_act": "gelu_pytorch_tanh",
        },
    ),
    Shape("sharded", max_shard_size="30KB"),
    Shape("f16", {"num_hidden_layers": 1}, dtype=torch.float16),
    Shape("bf16", {"num_hidden_layers": 1}, dtype=torch.bfloat16),
    Shape("no-pooler", {"num_hidden_layers": 1}, pooler=False),
    Shape(
        "masked-lm",
        {"num_hidden_layers": 1},
        model_class=transformers.BertForMaskedLM,
        pooler=False,
    ),
    Shape(
        "classifier",
        {"num_hidden_layers": 1, "num_labels": 3},
        model_class=transformers.BertForSequenceClassification,
    ),
]
VERSION_4_SHAPES = [
    Shape(
        "v4-gelu-new",
        {
            "hidden_size": 24,
            "num_attention_heads": 2,
            "intermediate_size": 31,
            "hidden_act": "gelu_new",
        },
    ),
    Shape("v4-gamma-beta", {"num_hidden_layers": 1}, older_names=True),
]


def build(shape: Shape, seed: int) -> torch.nn.Module:
    """The model of `shape` in its storage dtype, parameters drawn from `seed`."""
    config = make_config(**shape.config)
    takes_pooler = shape.model_class is transformers.BertModel
    extra = {"add_pooling_layer": shape.pooler} if takes_pooler else {}
    model = shape.model_class(config, **extra).eval()
    randomise(model, seed)
    return model.to(shape.dtype)


def make_inputs(config: transformers.BertConfig, seed: int) -> list[tuple[list[int], list[int]]]:
    """Token ids and types: one random sequence for each of SEQUENCE_LENGTHS."""
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for length in SEQUENCE_LENGTHS:
        token_ids = torch.randint(0, config.vocab_size, (length,), generator=generator).tolist()
        first_of_second = length if config.type_vocab_size == 1 else (length + 1) // 2
        token_types = [0 if index < first_of_second else 1 for index in range(length)]
        inputs.append((token_ids, token_types))
    return inputs


def run_alone(
    model: torch.nn.Module, inputs: list[tuple[list[int], list[int]]]
) -> dict[str, torch.Tensor]:
    """Runs each sequence by itself in f32 and names what went in and came out."""
    encoder = getattr(model, "bert", model).float()
    tensors: dict[str, torch.Tensor] = {}
    for index, (token_ids, token_types) in enumerate(inputs):
        output = encoder(
            input_ids=torch.tensor([token_ids]), token_type_ids=torch.tensor([token_types])
        )
        tensors[f"token_ids.{index}"] = token_id_tensor(token_ids)
        tensors[f"token_type_ids.{index}"] = token_id_tensor(token_types)
        tensors[f"last_hidden_state.{index}"] = output.last_hidden_state[0]
        if output.pooler_output is not None:
            tensors[f"pooler_output.{index}"] = output.pooler_output[0]
    return tensors


def write_tokenizer(directory: Path, vocab_size: int) -> None:
    """Adds the tiny vocabulary as the running transformers saves a BERT tokenizer.

    That is tokenizer.json without vocab.txt for 5.x, vocab.txt without tokenizer.json for 4.x.
    """
    with tempfile.TemporaryDirectory() as scratch:
        vocab_path = Path(scratch) / "vocab.txt"
        vocab_path.write_text("\n".join(make_tiny_vocab(vocab_size)) + "\n", encoding="utf-8")
        transformers.BertTokenizer(str(vocab_path)).save_pretrained(directory)


def record(shape: Shape, directory: Path, seed: int) -> None:
    """Writes the model directory of `shape` with its recording."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    model = build(shape, seed)
    model.save_pretrained(directory, max_shard_size=shape.max_shard_size)
    write_tokenizer(directory, model.config.vocab_size)
    if shape.older_names:
        rename_to_older_names(directory)
    with torch.inference_mode():
        tensors = run_alone(model, make_inputs(model.config, seed + 1))
    description = {
        "recorded_by": {"transformers": transformers.__version__, "torch": torch.__version__},
        "seed": seed,
        "num_sequences": len(SEQUENCE_LENGTHS),
        "pooler": shape.pooler,
        "stored_dtype": str(shape.dtype).removeprefix("torch."),
        "hidden_act": json.loads((directory / "config.json").read_text())["hidden_act"],
    }
    save_recording(directory, tensors, description)


def main() -> None:
    """Records the shapes meant for the running transformers version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/models")
    parser.add_argument("--seed", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs_version_4 = transformers.__version__.startswith("4.")
    shapes = VERSION_4_SHAPES if runs_version_4 else VERSION_5_SHAPES
    for shape in shapes:
        record(shape, arguments.output / f"bert-odd-{shape.name}", arguments.seed)


if __name__ == "__main__":
    main()
