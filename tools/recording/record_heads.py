"""Writes small models with heads, every family and task, with random weights; records the outputs.

Every sequence runs alone in f32: single texts, and pairs of texts where the family has token types.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from families import FAMILIES, make_config, model_class, num_token_types, usable_vocabulary
from goldens import recorded_by, save_recording, seed_of
from head_shapes import HEADS, Head, tiny_config
from model_directory import expect_same, finished_directory, load_back, save_model
from random_model import (
    SHALLOW,
    TokenSequence,
    draw_sequences,
    input_tensors,
    randomise,
    run_alone,
)

SINGLE_LENGTHS = (1, 3, 7)
PAIR_LENGTHS = (2, 16)
OUTPUTS = (
    "logits",
    "prediction_logits",
    "seq_relationship_logits",
    "sop_logits",
    "start_logits",
    "end_logits",
)


def build(head: Head, seed: int) -> torch.nn.Module:
    """The model with its head."""
    config = make_config(head.family, tiny_config(head.family) | head.config)
    model = model_class(head.family, head.task)(config).eval()
    randomise(model, seed, SHALLOW)
    if head.zero_head_biases:
        model.cls.predictions.bias.data.zero_()
        model.cls.predictions.transform.dense.bias.data.zero_()
    return model


def draw_texts(head: Head, config: object, seed: int) -> list[TokenSequence]:
    """Single texts, then pairs."""
    vocabulary = usable_vocabulary(head.family, config)
    num_types = num_token_types(head.family, config)
    return draw_sequences(vocabulary, SINGLE_LENGTHS, 1, seed) + draw_sequences(
        vocabulary, PAIR_LENGTHS, num_types, seed + 1
    )


def splade_row(logits: torch.Tensor) -> torch.Tensor:
    """The sparse vector [V] that SPLADE makes of the masked-language logits [T, V]."""
    return torch.log1p(torch.relu(logits)).amax(dim=0)


def record_sequences(
    head: Head, model: torch.nn.Module, sequences: list[TokenSequence]
) -> dict[str, torch.Tensor]:
    """What goes in and comes out, each sequence alone."""
    takes_token_types = FAMILIES[head.family].takes_token_types
    tensors: dict[str, torch.Tensor] = {}
    for index, sequence in enumerate(sequences):
        output = run_alone(model, sequence, takes_token_types=takes_token_types)
        tensors |= input_tensors(index, sequence)
        named = {f"{name}.{index}": output[name][0] for name in OUTPUTS if name in output}
        tensors |= named
        if head.task == "ForMaskedLM":
            tensors[f"splade.{index}"] = splade_row(output["logits"][0])
    return tensors


def record(head: Head, directory: Path, seed: int) -> None:
    """Writes the model directory with its recording."""
    model = build(head, seed)
    sequences = draw_texts(head, model.config, seed + 1)
    with finished_directory(directory) as scratch, torch.no_grad():
        save_model(model, scratch, head.weights)
        if head.rewrite is not None:
            head.rewrite(scratch)
        tensors = record_sequences(head, model, sequences)
        if head.loads_back:
            expect_same(record_sequences(head, load_back(model, scratch), sequences), tensors)
        description = {
            "recorded_by": recorded_by(),
            "seed": seed,
            "num_sequences": len(sequences),
            "class": type(model).__name__,
        }
        save_recording(scratch, tensors, description)


def main() -> None:
    """Records every head."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/models")
    parser.add_argument("--only", default="", help="only directories whose name starts with this")
    parser.add_argument("--seed", type=int, default=90)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for head in HEADS:
        if head.directory.startswith(arguments.only):
            seed = seed_of(head.directory, arguments.seed)
            record(head, arguments.output / head.directory, seed)


if __name__ == "__main__":
    main()
