"""Writes small BERT models of odd shapes with random weights, and records what they give.

Each model becomes a directory as `save_pretrained` writes it, with a recording beside the weights.
Every sequence runs alone in f32, so that the recording knows neither padding nor neighbours.
transformers 4.x writes the shapes of VERSION_4_SHAPES, 5.x those of VERSION_5_SHAPES.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from goldens import recorded_by, save_recording
from model_directory import finished_directory
from older_names import rename_to_older_names
from random_bert import make_config
from random_model import TokenSequence, draw_sequences, input_tensors, randomise, run_alone
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


def record_sequences(
    model: torch.nn.Module, sequences: list[TokenSequence]
) -> dict[str, torch.Tensor]:
    """What goes in and comes out of the encoder in f32, each sequence alone."""
    encoder = getattr(model, "bert", model).float()
    tensors: dict[str, torch.Tensor] = {}
    for index, sequence in enumerate(sequences):
        output = run_alone(encoder, sequence, takes_token_types=True)
        tensors |= input_tensors(index, sequence)
        tensors[f"last_hidden_state.{index}"] = output["last_hidden_state"][0]
        if output.get("pooler_output") is not None:
            tensors[f"pooler_output.{index}"] = output["pooler_output"][0]
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
    model = build(shape, seed)
    config = model.config
    sequences = draw_sequences(
        range(config.vocab_size), SEQUENCE_LENGTHS, config.type_vocab_size, seed + 1
    )
    with finished_directory(directory) as scratch, torch.inference_mode():
        model.save_pretrained(scratch, max_shard_size=shape.max_shard_size)
        write_tokenizer(scratch, config.vocab_size)
        if shape.older_names:
            rename_to_older_names(scratch)
        description = {
            "recorded_by": recorded_by(),
            "seed": seed,
            "num_sequences": len(sequences),
            "pooler": shape.pooler,
            "stored_dtype": str(shape.dtype).removeprefix("torch."),
            "hidden_act": config.hidden_act,
        }
        save_recording(scratch, record_sequences(model, sequences), description)


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
