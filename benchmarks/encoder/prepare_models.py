"""Makes what the benchmark runs: BERT-base of random weights, and each runtime's own format."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import ctranslate2
import openvino
import torch
import transformers
from onnxruntime.transformers import optimizer

from model_folders import MODEL_NAMES, converted_folder, model_folder

INPUT_NAMES = ["input_ids", "attention_mask", "token_type_ids"]


class LastHiddenState(torch.nn.Module):
    """BERT with one output; the pooler stays out of the exported graph."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.bert = transformers.BertModel.from_pretrained(
            directory, add_pooling_layer=False, attn_implementation="eager"
        )

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """The last hidden state, [B, L, D]."""
        return self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


def make_bert_base(directory: Path, vocabulary_from: Path) -> None:
    """bert-base-uncased's shape with random weights, and its vocabulary, which is MiniLM's too."""
    torch.manual_seed(12)
    # Wider than BERT's 0.02: texts then get clearly different vectors. transformers 5 no longer
    # knows the kind of positions, but CTranslate2's converter asks for it.
    config = transformers.BertConfig(initializer_range=0.05, position_embedding_type="absolute")
    transformers.BertModel(config).save_pretrained(directory)
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
        shutil.copy(vocabulary_from / name, directory / name)


def export_onnx(directory: Path, path: Path) -> None:
    """The plain export: both axes of the token ids are dynamic.

    The TorchScript exporter with eager attention, because onnxruntime's tool finds the attention
    blocks only there: in what the newer exporter or sdpa gives it fuses none of them.
    """
    model = LastHiddenState(directory).eval()
    example = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in INPUT_NAMES)
    axes = {name: {0: "batch", 1: "length"} for name in [*INPUT_NAMES, "hidden"]}
    torch.onnx.export(
        model,
        example,
        path,
        input_names=INPUT_NAMES,
        output_names=["hidden"],
        dynamic_axes=axes,
        dynamo=False,
        opset_version=17,
    )


def optimise_onnx(config: transformers.BertConfig, plain: Path, path: Path) -> dict[str, int]:
    """onnxruntime's own transformers tool over the plain export; returns what it fused."""
    optimised = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=1,
        use_gpu=False,
    )
    optimised.save_model_to_file(str(path))
    return optimised.get_fused_operator_statistics()


def convert_openvino(plain: Path, path: Path) -> None:
    """OpenVINO's format, weights kept in f32."""
    openvino.save_model(openvino.convert_model(plain), path, compress_to_fp16=False)


def convert_ctranslate2(directory: Path, path: Path, quantization: str) -> None:
    """CTranslate2's format by its own converter."""
    converter = ctranslate2.converters.TransformersConverter(str(directory))
    converter.convert(str(path), quantization=quantization, force=True)


def prepare(model: str) -> None:
    """Writes every converted form of one model."""
    directory = model_folder(model)
    if model == "bert-base" and not directory.exists():
        make_bert_base(directory, model_folder("minilm"))
    folder = converted_folder(model)
    folder.mkdir(parents=True, exist_ok=True)
    config = transformers.BertConfig.from_pretrained(directory)
    plain = folder / "plain.onnx"
    export_onnx(directory, plain)
    fused = optimise_onnx(config, plain, folder / "optimised.onnx")
    print(f"{model}: the transformers tool fused { ({k: v for k, v in fused.items() if v}) }")
    convert_openvino(plain, folder / "openvino.xml")
    for quantization in ("float32", "int8"):
        convert_ctranslate2(directory, folder / f"ctranslate2-{quantization}", quantization)


def main() -> None:
    """Prepares the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, default=list(MODEL_NAMES))
    for model in parser.parse_args().models:
        prepare(model)


if __name__ == "__main__":
    main()
