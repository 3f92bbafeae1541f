"""Writes small encoders of odd shapes, every family, with random weights; records what they give.

Every sequence runs alone in f32, so that the recording knows neither padding nor neighbours.
transformers 4.x writes VERSION_4_ENCODERS, 5.x VERSION_5_ENCODERS of encoder_shapes.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers
from encoder_shapes import VERSION_4_ENCODERS, VERSION_5_ENCODERS, Encoder
from families import (
    FAMILIES,
    longest_sequence,
    make_config,
    model_class,
    num_token_types,
    usable_vocabulary,
)
from goldens import recorded_by, save_recording, seed_of
from model_directory import expect_same, finished_directory, load_back, save_model
from ntk_rope import use_ntk_frequencies
from random_model import (
    DEEP,
    TokenSequence,
    draw_sequences,
    input_tensors,
    randomise,
    run_alone,
)

SHORT_LENGTHS = (1, 2, 3, 7, 20)
POOLING_MODES = ("cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


def pooler_option(encoder: Encoder) -> dict[str, bool]:
    """The argument of the model's class."""
    return {} if encoder.pooler is None else {"add_pooling_layer": encoder.pooler}


def build(encoder: Encoder, seed: int) -> torch.nn.Module:
    """The model in its storage dtype."""
    changes = dict(encoder.config)
    rope = changes.get("rope_parameters")
    scales = isinstance(rope, dict) and rope.get("rope_type") == "ntk"
    if scales:
        changes["rope_parameters"] = {"rope_type": "default", "rope_theta": rope["rope_theta"]}
    config = make_config(encoder.family, changes)
    model = model_class(encoder.family)(config, **pooler_option(encoder)).eval()
    if scales:
        use_ntk_frequencies(model, rope["factor"])
        config.rope_parameters = rope
    randomise(model, seed, DEEP)
    return model.to(encoder.dtype)


def record_poolings(last_hidden_state: torch.Tensor) -> dict[str, torch.Tensor]:
    """pooling.MODE of one sequence, by sentence-transformers; last_hidden_state is [1, T, D]."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    features = {
        "token_embeddings": last_hidden_state,
        "attention_mask": torch.ones(last_hidden_state.shape[:2], dtype=torch.int64),
    }
    tensors = {}
    for mode in POOLING_MODES:
        pooling = Pooling(last_hidden_state.shape[-1], pooling_mode=mode)
        pooled = pooling(dict(features))["sentence_embedding"][0]
        tensors["pooling." + mode.removesuffix("_tokens")] = pooled
    return tensors


def record_sequences(
    encoder: Encoder, model: torch.nn.Module, sequences: list[TokenSequence]
) -> dict[str, torch.Tensor]:
    """What goes in and comes out, each sequence alone."""
    takes_token_types = FAMILIES[encoder.family].takes_token_types
    tensors: dict[str, torch.Tensor] = {}
    for index, sequence in enumerate(sequences):
        output = run_alone(model, sequence, takes_token_types=takes_token_types)
        tensors |= input_tensors(index, sequence)
        tensors[f"last_hidden_state.{index}"] = output["last_hidden_state"][0]
        if output.get("pooler_output") is not None:
            tensors[f"pooler_output.{index}"] = output["pooler_output"][0]
        if encoder.poolings:
            pooled = record_poolings(output["last_hidden_state"])
            tensors |= {f"{name}.{index}": row for name, row in pooled.items()}
    return tensors


def record(encoder: Encoder, directory: Path, seed: int) -> None:
    """Writes the model directory with its recording."""
    model = build(encoder, seed)
    config = model.config
    lengths = (*SHORT_LENGTHS, longest_sequence(encoder.family, config))
    sequences = draw_sequences(
        usable_vocabulary(encoder.family, config),
        lengths,
        num_token_types(encoder.family, config),
        seed + 1,
    )
    with finished_directory(directory) as scratch, torch.no_grad():
        save_model(model, scratch, encoder.weights)
        if encoder.rewrite is not None:
            encoder.rewrite(scratch)
        tensors = record_sequences(encoder, model.float(), sequences)
        if encoder.loads_back:
            loaded = load_back(model, scratch, **pooler_option(encoder))
            expect_same(record_sequences(encoder, loaded, sequences), tensors)
        description = {
            "recorded_by": recorded_by(),
            "seed": seed,
            "num_sequences": len(sequences),
            "pooler": "pooler_output.0" in tensors,
            "stored_dtype": str(encoder.dtype).removeprefix("torch."),
        }
        save_recording(scratch, tensors, description)


def main() -> None:
    """Records the encoders meant for the running transformers version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/models")
    parser.add_argument("--only", default="", help="only directories whose name starts with this")
    parser.add_argument("--seed", type=int, default=80)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs_version_4 = transformers.__version__.startswith("4.")
    for encoder in VERSION_4_ENCODERS if runs_version_4 else VERSION_5_ENCODERS:
        if encoder.directory.startswith(arguments.only):
            seed = seed_of(encoder.directory, arguments.seed)
            record(encoder, arguments.output / encoder.directory, seed)


if __name__ == "__main__":
    main()
