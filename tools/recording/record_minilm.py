"""Records what sentence-transformers and transformers give for all-MiniLM-L6-v2, text by text.

Every text runs alone, in f32 on the CPU, so that no padding and no neighbour touches it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sentence_transformers
import torch
import transformers
from goldens import save_recording, token_id_tensor

TEXTS = [
    "",
    " \t ",
    "hello",
    "hello boy",
    "i am a fish",
    "Hello, World!",
    "The quick brown fox jumps over the lazy dog.",
    "What is the capital of France?",
    "Paris is the capital and most populous city of France.",
    "naïve café, Übergröße, ÅNGSTRÖM, İstanbul",
    "東京は日本の首都です。北京是中国的首都。",
    "Привет, мир! Γειά σου Κόσμε. ΟΔΟΣ",
    "🐟 fish & chips 🍟 cost £7.50 (≈ €8.80)",
    "zero\u200bwidth\u00adsoft ﬁ ½ ②",
    "[CLS] typed special tokens [SEP] [MASK]",
    "a" * 100 + " " + "a" * 101,
    "don't stop: it's 5 o'clock -- isn't it?",
    "int main(int argc, char** argv) { return argc > 1 ? std::stoi(argv[1]) : 0; }",
    "Advanced shell for embedding models; reads lines and writes vectors. " * 2,
    "A package description explains what a program does and for whom. " * 5,
    "tokens " * 126,
    "one two three four five six seven eight nine ten " * 20,
    "word " * 254,
    "word " * 1000,
]

# Above this many tokens only the sentence embedding is kept: the file stays small.
LONGEST_HIDDEN_STATE = 24


def record(model_directory: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Runs every text alone; returns the tensors and the description of the recording."""
    sentence_model = sentence_transformers.SentenceTransformer(model_directory, device="cpu")
    tokenizer = sentence_model.tokenizer
    bert = transformers.AutoModel.from_pretrained(model_directory, attn_implementation="eager")
    tensors: dict[str, torch.Tensor] = {}
    entries: list[dict] = []
    embeddings: list[torch.Tensor] = []
    pooler_outputs: list[torch.Tensor] = []
    for index, text in enumerate(TEXTS):
        encoded = tokenizer(
            text, truncation=True, max_length=sentence_model.max_seq_length, return_tensors="pt"
        )
        token_ids = encoded["input_ids"][0].tolist()
        output = bert(**encoded)
        tensors[f"token_ids.{index}"] = token_id_tensor(token_ids)
        keeps_hidden_state = len(token_ids) <= LONGEST_HIDDEN_STATE
        if keeps_hidden_state:
            tensors[f"last_hidden_state.{index}"] = output.last_hidden_state[0]
        pooler_outputs.append(output.pooler_output[0])
        embeddings.append(torch.from_numpy(sentence_model.encode([text])[0]))
        entries.append(
            {"text": text, "num_tokens": len(token_ids), "last_hidden_state": keeps_hidden_state}
        )
    tensors["embeddings"] = torch.stack(embeddings)
    tensors["pooler_outputs"] = torch.stack(pooler_outputs)
    description = {
        "recorded_by": {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "sentence_transformers": sentence_transformers.__version__,
        },
        "max_length": sentence_model.max_seq_length,
        "texts": entries,
    }
    return tensors, description


def main() -> None:
    """Parses the arguments and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="directory of all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, required=True, help="tests/data/models/minilm")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        tensors, description = record(arguments.model)
    save_recording(arguments.output, tensors, description)


if __name__ == "__main__":
    main()
