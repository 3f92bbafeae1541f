"""Rewrites a sentence-transformers 6 directory into the spelling of sentence-transformers 2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

POOLING_FLAGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
DENSE_KEYS = ["in_features", "out_features", "bias", "activation_function"]


def read_json(path: Path) -> object:
    """The value that stands in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: object) -> None:
    """Writes a value as sentence-transformers lays out its JSON files."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def older_modules(newer: list[dict]) -> list[dict]:
    """modules.json with the type names of version 2."""
    return [
        entry | {"type": "sentence_transformers.models." + entry["type"].rsplit(".", 1)[-1]}
        for entry in newer
    ]


def older_pooling(newer: dict) -> dict:
    """1_Pooling/config.json with one boolean for each mode."""
    modes = newer["pooling_mode"]
    modes = [modes] if isinstance(modes, str) else modes
    flags = {flag: mode in modes for mode, flag in POOLING_FLAGS.items()}
    return {"word_embedding_dimension": newer["embedding_dimension"]} | flags


def older_sentence_bert_config(tokenizer_config: dict) -> dict:
    """sentence_bert_config.json, which then held the length limit."""
    return {"max_seq_length": tokenizer_config["model_max_length"], "do_lower_case": False}


def write_older_spelling(newer: Path, older: Path) -> None:
    """Copies the directory `newer` to `older` and replaces what version 2 wrote differently.

    The limit of tokenizer_config.json is raised, so that only sentence_bert_config.json holds it.
    """
    shutil.copytree(newer, older)
    write_json(older / "modules.json", older_modules(read_json(newer / "modules.json")))
    pooling = older_pooling(read_json(newer / "1_Pooling" / "config.json"))
    write_json(older / "1_Pooling" / "config.json", pooling)
    dense = read_json(newer / "2_Dense" / "config.json")
    write_json(older / "2_Dense" / "config.json", {key: dense[key] for key in DENSE_KEYS})
    shutil.rmtree(older / "3_Normalize", ignore_errors=True)
    tokenizer_config = read_json(newer / "tokenizer_config.json")
    write_json(older / "sentence_bert_config.json", older_sentence_bert_config(tokenizer_config))
    write_json(older / "tokenizer_config.json", tokenizer_config | {"model_max_length": 512})
    write_json(
        older / "config_sentence_transformers.json",
        {
            "__version__": {
                "sentence_transformers": "2.2.2",
                "transformers": "4.24.0",
                "pytorch": "1.13.0",
            }
        },
    )
