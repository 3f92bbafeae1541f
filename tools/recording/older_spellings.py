"""Rewrites directories of transformers 5 into the spellings that stand in older directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from model_directory import edit_config
from safetensors.torch import load_file, save_file

# What transformers 5 writes and the older releases did not.
NEW_KEYS = ("dtype", "rope_parameters", "layer_types", "head_dim")


def without(entries: dict, *names: str) -> dict:
    """The entries under other names than these."""
    return {name: value for name, value in entries.items() if name not in names}


def older_bert_keys(config: dict) -> dict:
    """BERT of 2019: no architectures, no eps, no padding id, no version."""
    kept = (
        "vocab_size",
        "hidden_size",
        "num_attention_heads",
        "num_hidden_layers",
        "intermediate_size",
        "max_position_embeddings",
        "hidden_act",
        "type_vocab_size",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "initializer_range",
    )
    return {name: config[name] for name in kept} | {"model_type": "bert"}


def modernbert_version_4(config: dict, every: int) -> dict:
    """The keys of transformers 4.48 to 4.57; one layer of `every` is global."""
    rope = config["rope_parameters"]
    return without(config, *NEW_KEYS) | {
        "global_attn_every_n_layers": every,
        "global_rope_theta": rope["full_attention"]["rope_theta"],
        "local_rope_theta": rope["sliding_attention"]["rope_theta"],
        "position_embedding_type": "absolute",
        "repad_logits_with_grad": False,
        "torch_dtype": "float32",
        "transformers_version": "4.48.0",
    }


def nomic_remote_code(config: dict) -> dict:
    """The keys of the model's own code, which keep the names of GPT-2."""
    return {
        "activation_function": "swiglu",
        "architectures": [
            name.replace("ForMaskedLM", "ForPreTraining") for name in config["architectures"]
        ],
        "attn_pdrop": 0.0,
        "auto_map": {
            "AutoConfig": "configuration_hf_nomic_bert.NomicBertConfig",
            "AutoModel": "modeling_hf_nomic_bert.NomicBertModel",
        },
        "bos_token_id": None,
        "causal": False,
        "dense_seq_output": True,
        "embd_pdrop": 0.0,
        "eos_token_id": None,
        "fused_bias_fc": True,
        "fused_dropout_add_ln": True,
        "initializer_range": 0.02,
        "layer_norm_epsilon": config["layer_norm_eps"],
        "mlp_fc1_bias": False,
        "mlp_fc2_bias": False,
        "model_type": "nomic_bert",
        "n_embd": config["hidden_size"],
        "n_head": config["num_attention_heads"],
        "n_inner": config["intermediate_size"],
        "n_layer": config["num_hidden_layers"],
        "n_positions": config["max_position_embeddings"],
        "pad_vocab_size_multiple": 1,
        "parallel_block": False,
        "parallel_block_tied_norm": False,
        "prenorm": False,
        "qkv_proj_bias": False,
        "reorder_and_upcast_attn": False,
        "resid_pdrop": 0.0,
        "rotary_emb_base": config["rope_parameters"]["rope_theta"],
        "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None,
        "rotary_scaling_factor": None,
        "scale_attn_by_inverse_layer_idx": False,
        "scale_attn_weights": True,
        "summary_activation": None,
        "summary_first_dropout": 0.0,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "torch_dtype": "float32",
        "transformers_version": "4.34.0",
        "type_vocab_size": config["type_vocab_size"],
        "use_cache": True,
        "use_flash_attn": True,
        "use_rms_norm": False,
        "use_xentropy": True,
        "vocab_size": config["vocab_size"],
    }


def gte_remote_code(config: dict) -> dict:
    """The keys of the model's own code, whose model_type is `new`."""
    rope = config["rope_parameters"]
    scales = rope["rope_type"] == "ntk"
    return without(config, *NEW_KEYS) | {
        "architectures": [name.replace("Gte", "New") for name in config["architectures"]],
        "auto_map": {
            "AutoConfig": "configuration.NewConfig",
            "AutoModel": "modeling.NewModel",
        },
        "layer_norm_type": "layer_norm",
        "logn_attention_clip1": False,
        "logn_attention_scale": False,
        "model_type": "new",
        "pack_qkv": True,
        "position_embedding_type": "rope",
        "rope_scaling": {"factor": rope["factor"], "type": "ntk"} if scales else None,
        "rope_theta": rope["rope_theta"],
        "torch_dtype": "float32",
        "transformers_version": "4.39.1",
        "unpad_inputs": False,
        "use_memory_efficient_attention": False,
    }


def edit_tensors(
    directory: Path, edit: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
) -> None:
    """Replaces model.safetensors by what `edit` makes of it."""
    path = directory / "model.safetensors"
    save_file(edit(load_file(path)), path, metadata={"format": "pt"})


def change_prefix(
    tensors: dict[str, torch.Tensor], present: str, wanted: str
) -> dict[str, torch.Tensor]:
    """The encoder's tensors under another prefix; names without one stay."""
    return {
        wanted + name.removeprefix(present) if name.startswith(present) else name: tensor
        for name, tensor in tensors.items()
    }


def write_older_bert_keys(directory: Path) -> None:
    """BERT's directory with the fewest keys."""
    edit_config(directory, older_bert_keys)


def write_modernbert_every_3(directory: Path) -> None:
    """ModernBERT's directory with keys of transformers 4; every third layer is global."""
    edit_config(directory, lambda config: modernbert_version_4(config, 3))


def write_modernbert_every_2(directory: Path) -> None:
    """As before; every second layer is global."""
    edit_config(directory, lambda config: modernbert_version_4(config, 2))


def write_nomic_remote_code(directory: Path) -> None:
    """NomicBERT's directory as its own code reads it; that code's head has no biases."""
    edit_config(directory, nomic_remote_code)
    biases = ("cls.predictions.bias", "cls.predictions.transform.dense.bias")
    edit_tensors(
        directory, lambda tensors: change_prefix(without(tensors, *biases), "nomic_bert.", "bert.")
    )


def write_gte_remote_code(directory: Path) -> None:
    """GTE's directory as its own code reads it."""
    edit_config(directory, gte_remote_code)
    edit_tensors(directory, lambda tensors: change_prefix(tensors, "gte.", "new."))
