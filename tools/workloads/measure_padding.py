"""Prints how much padding the workloads carry: tokens on average, padded tokens over real ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from make_workloads import default_output, read_texts
from tokenizers import Tokenizer

WORKLOADS = ["descriptions", "descriptions-every-nth", "one-line", "long"]


def padded_over_real(lengths: list[int], batch_size: int) -> float:
    """Tokens after padding every batch to its longest text, over tokens before."""
    padded = 0
    for first in range(0, len(lengths), batch_size):
        batch = lengths[first : first + batch_size]
        padded += len(batch) * max(batch)
    return padded / sum(lengths)


def main() -> None:
    """Tokenises each workload and prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", required=True, help="tokenizer.json of the model")
    parser.add_argument("--workloads", type=Path, default=default_output())
    parser.add_argument("--max-length", type=int, nargs="+", default=[512, 256, 128])
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    tokenizer.no_padding()
    print("| workload | cut at | tokens on average | padded/real, 32 | 64 | sorted, 32 |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in WORKLOADS:
        texts = read_texts(arguments.workloads / f"{name}.txt")
        for max_length in arguments.max_length:
            tokenizer.enable_truncation(max_length)
            lengths = [len(encoded.ids) for encoded in tokenizer.encode_batch(texts)]
            figures = [
                padded_over_real(lengths, 32),
                padded_over_real(lengths, 64),
                padded_over_real(sorted(lengths), 32),
            ]
            shown = " | ".join(f"{figure:.2f}" for figure in figures)
            print(f"| {name} | {max_length} | {sum(lengths) / len(lengths):.1f} | {shown} |")


if __name__ == "__main__":
    main()
