"""Writes a sentence-transformers directory of random weights with Dense and Normalize; records it.

The same model is written a second time in the spelling of sentence-transformers 2, and must then
give the same rows when loaded. Every text runs alone.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import sentence_transformers
import torch
import transformers
from goldens import save_recording, token_id_tensor
from older_sentence_transformer import write_older_spelling
from random_bert import make_config
from random_model import randomise
from sentence_transformers.sentence_transformer import modules
from tiny_vocab import make_tiny_vocab

TEXTS = [
    "",
    "a",
    "the fish",
    "hello boy, the fish swimming!",
    "swimming in the sea?",
    "The quick brown fox jumps over the lazy dog.",
    "hello fish, " * 20,
]
POOLING_MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
SAVED_POOLING_MODES = ("cls", "max")
MAX_LENGTH = 32
DENSE_WIDTH = 12


def write_transformer(directory: Path, seed: int) -> None:
    """A random BERT with the tiny vocabulary, as transformers saves it."""
    config = make_config(hidden_size=24, num_attention_heads=2, num_hidden_layers=1)
    bert = transformers.BertModel(config).eval()
    randomise(bert, seed)
    bert.save_pretrained(directory)
    vocab_path = directory / "vocab.txt"
    vocab_path.write_text("\n".join(make_tiny_vocab()) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(vocab_path), model_max_length=MAX_LENGTH)
    tokenizer.save_pretrained(directory)
    vocab_path.unlink()


def build(transformer_directory: Path, seed: int) -> sentence_transformers.SentenceTransformer:
    """Transformer, pooling (first token and maximum, side by side), Dense with tanh, Normalize."""
    transformer = modules.Transformer(str(transformer_directory))
    hidden_size = transformer.get_embedding_dimension()
    pooling = modules.Pooling(hidden_size, pooling_mode=SAVED_POOLING_MODES)
    dense = modules.Dense(len(SAVED_POOLING_MODES) * hidden_size, DENSE_WIDTH)
    randomise(dense, seed)
    return sentence_transformers.SentenceTransformer(
        modules=[transformer, pooling, dense, modules.Normalize()], device="cpu"
    )


def encode_alone(model: sentence_transformers.SentenceTransformer) -> torch.Tensor:
    """The row of every text, each encoded in a call of its own."""
    return torch.stack([torch.from_numpy(model.encode([text])[0]) for text in TEXTS])


def record_poolings(model: sentence_transformers.SentenceTransformer) -> dict[str, torch.Tensor]:
    """What each pooling mode gives before Dense: pooling.MODE, one row for each text."""
    transformer = model[0]
    tensors = {}
    for mode in POOLING_MODES:
        pooled = sentence_transformers.SentenceTransformer(
            modules=[
                transformer,
                modules.Pooling(transformer.get_embedding_dimension(), pooling_mode=mode),
            ],
            device="cpu",
        )
        tensors[f"pooling.{mode}"] = encode_alone(pooled)
    return tensors


def record(
    model: sentence_transformers.SentenceTransformer,
) -> tuple[dict[str, torch.Tensor], dict]:
    """The rows of the whole model, of every pooling mode alone, and the token ids."""
    tensors = {"embeddings": encode_alone(model)} | record_poolings(model)
    for index, text in enumerate(TEXTS):
        token_ids = model.tokenizer(text, truncation=True, max_length=MAX_LENGTH)["input_ids"]
        tensors[f"token_ids.{index}"] = token_id_tensor(token_ids)
    description = {
        "recorded_by": {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "sentence_transformers": sentence_transformers.__version__,
        },
        "max_length": model.max_seq_length,
        "pooling": list(SAVED_POOLING_MODES),
        "texts": TEXTS,
    }
    return tensors, description


def main() -> None:
    """Writes both directories with the same recording, after checking that they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/models")
    parser.add_argument("--seed", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    newer = arguments.output / "sentence-dense-v6"
    older = arguments.output / "sentence-dense-v2"
    for directory in (newer, older):
        shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        write_transformer(Path(scratch), arguments.seed)
        model = build(Path(scratch), arguments.seed + 1)
        model.save_pretrained(str(newer), create_model_card=False)
    write_older_spelling(newer, older)
    tensors, description = record(model)
    for directory in (newer, older):
        loaded = sentence_transformers.SentenceTransformer(str(directory), device="cpu")
        torch.testing.assert_close(encode_alone(loaded), tensors["embeddings"], rtol=0, atol=1e-6)
        save_recording(directory, tensors, description)


if __name__ == "__main__":
    main()
