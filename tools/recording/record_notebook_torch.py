"""Runs the PyTorch notebook about padding masks cell by cell and records every value it prints.

The notebook loads bert-base-uncased; here a BERT of width 48 and random weights stands in for it,
with a vocabulary of 99 tokens that holds the notebook's words. The LSTM has 50 units, as there. The
BERT is in eval mode, as from_pretrained leaves it. What fails today is mended: masked_fill wants
bool instead of byte, and packing unsorted lengths wants enforce_sorted=False.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from layer_recording import Recording, write_index
from random_bert import make_config
from random_model import randomise
from tiny_vocab import make_tiny_vocab
from torch.nn.utils import rnn

TEXTS = ["hello boy", "i am a fish"]
WIDTH = 48


def write_bert(directory: Path, seed: int) -> tuple[torch.nn.Module, transformers.BertTokenizer]:
    """A random BertForPreTraining as save_pretrained writes it, with vocab.txt beside it."""
    config = make_config(hidden_size=WIDTH, num_attention_heads=4)
    model = transformers.BertForPreTraining(config).eval()
    randomise(model, seed)
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    vocab = [token if token != "[unused0]" else "am" for token in make_tiny_vocab()]
    (directory / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(directory / "vocab.txt"))
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save_pretrained(scratch)
        shutil.copy(Path(scratch) / "tokenizer_config.json", directory)
    return model, tokenizer


def tokenize(tokenizer: transformers.BertTokenizer) -> tuple[list[list[str]], dict]:
    """Cells 8 to 12: the tokens; lengths, padded ids and the attention mask."""
    text_token_list = [tokenizer.tokenize("[CLS]" + text + "[SEP]") for text in TEXTS]
    ids = [torch.LongTensor(tokenizer.convert_tokens_to_ids(tokens)) for tokens in text_token_list]
    lengths = [len(own) for own in ids]
    padded = rnn.pad_sequence(ids, batch_first=True, padding_value=0)
    att = [[1] * length + [0] * (padded.shape[1] - length) for length in lengths]
    cells = {"data_length": lengths, "text_to_id": padded, "att": torch.LongTensor(att)}
    return text_token_list, cells


def run_linear(bert_output: torch.Tensor, att: torch.Tensor) -> tuple[dict, dict]:
    """Cells 27 to 82: Linear before and after masked_fill, and its smallest values."""
    linear = torch.nn.Linear(WIDTH, 1)
    linear_output = linear(bert_output)
    att_mask = 1 - att.unsqueeze(1).repeat(1, WIDTH, 1).permute(0, 2, 1)
    masked_bert_output = bert_output.masked_fill(att_mask.bool(), 0)
    of_linear = {
        "weights": dict(linear.named_parameters()),
        "linear_output": linear_output,
        "att_mask": att_mask.bool(),
        "masked_bert_output": masked_bert_output,
        "masked_linear_output": linear(masked_bert_output),
    }
    real_only = linear_output.masked_fill(att.unsqueeze(-1) == 0, torch.inf)
    lowest = {
        "over_features": torch.min(linear_output, dim=2),
        "over_time_with_padding": torch.min(linear_output, dim=1),
        "over_time": torch.min(real_only, dim=1),
    }
    of_minimum = {
        name: {"values": result.values, "indices": result.indices}
        for name, result in lowest.items()
    }
    return of_linear, of_minimum


def run_lstm(bert_output: torch.Tensor, lengths: list[int]) -> dict:
    """Cells 83 and 84: what packing gives, and the LSTM over the packed and the padded batch."""
    lstm = torch.nn.LSTM(input_size=WIDTH, hidden_size=50, num_layers=1, bidirectional=True)
    packed = rnn.pack_padded_sequence(
        bert_output, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    output, (h_n, c_n) = lstm(packed)
    padded_output, (padded_h_n, padded_c_n) = lstm(bert_output.transpose(0, 1))
    fields = ["data", "batch_sizes", "sorted_indices", "unsorted_indices"]
    return {
        "weights": dict(lstm.named_parameters()),
        "packed": {name: getattr(packed, name) for name in fields},
        "packed_output": output.data,
        "output": rnn.pad_packed_sequence(output, batch_first=True)[0],
        "h_n": h_n,
        "c_n": c_n,
        "output_with_padding": padded_output.transpose(0, 1),
        "h_n_with_padding": padded_h_n,
        "c_n_with_padding": padded_c_n,
    }


def record_cells(recording: Recording, model: torch.nn.Module, cells: dict) -> None:
    """Adds what the cells after the tokenizer give; each section of the notebook is a case."""
    att, ids = cells["att"], cells["text_to_id"]
    keep = {"keep": att.bool()}
    bert_output = model.bert(ids, attention_mask=att).last_hidden_state
    of_linear, of_minimum = run_linear(bert_output, att)
    of_lstm = run_lstm(bert_output, cells["data_length"])
    recording.add("tokens", "Cells 8 to 12: ids, lengths and the attention mask.", keep | cells)
    recording.add("bert", "Cell 18: BERT's output.", keep | {"bert_output": bert_output})
    recording.add("linear", "Cells 27 to 68: Linear(48, 1) and masked_fill.", keep | of_linear)
    text = "Cells 81 and 82: torch.min of linear_output; over_time leaves the padding out."
    recording.add("minimum", text, keep | of_minimum)
    text = "Cells 83 and 84: LSTM(48, 50, bidirectional), packed, and over the padded batch."
    recording.add("lstm", text, keep | of_lstm)


def record(output: Path, seed: int) -> None:
    """Writes bert/, pytorch.json, pytorch.safetensors and the index."""
    model, tokenizer = write_bert(output / "bert", seed)
    torch.manual_seed(seed + 1)
    text_token_list, cells = tokenize(tokenizer)
    recorded_by = {"torch": torch.__version__, "transformers": transformers.__version__}
    recording = Recording(recorded_by, seed)
    record_cells(recording, model, cells)
    recording.save(output / "pytorch.safetensors")
    description = {"recorded_by": recorded_by, "seed": seed, "texts": TEXTS}
    description |= {"text_token_list": text_token_list}
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (output / "pytorch.json").write_text(text + "\n", encoding="utf-8")
    write_index(output)


def main() -> None:
    """Parses the arguments and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/notebooks")
    parser.add_argument("--seed", type=int, default=107)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        record(arguments.output, arguments.seed)


if __name__ == "__main__":
    main()
