"""Makes the plan of a run: tokenised workloads, and which texts form which batch in each mode.

Every contender gets the same batches. A mode is split into parts that are timed one after another,
contender by contender: part p holds every n-th batch from p on, so that each part has its share of
long and short texts and all parts together are the whole workload.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer


@dataclass(frozen=True)
class Mode:
    """One way of using an encoder on one workload."""

    name: str
    workload: str
    batch_size: int
    sorted_by_length: bool = False


# A workload's file, and at how many tokens its texts are cut.
WORKLOADS = {"descriptions": 512, "one-line": 512, "long": 128}
MODES = [
    Mode("descriptions/32", "descriptions", 32),
    Mode("descriptions/64", "descriptions", 64),
    Mode("descriptions/1", "descriptions", 1),
    Mode("descriptions/sorted-32", "descriptions", 32, sorted_by_length=True),
    Mode("one-line/32", "one-line", 32),
    Mode("one-line/1", "one-line", 1),
    Mode("one-line/sorted-32", "one-line", 32, sorted_by_length=True),
    Mode("long/32", "long", 32),
]


def read_texts(path: Path) -> list[str]:
    """The texts of a workload file: one per line, and only a line feed ends a line."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def tokenize(tokenizer_path: Path, texts: list[str], max_length: int) -> list[list[int]]:
    """Token ids of each text with [CLS] and [SEP], cut at `max_length`."""
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return [encoded.ids for encoded in tokenizer.encode_batch(texts)]


def make_batches(token_ids: list[list[int]], mode: Mode) -> list[list[int]]:
    """The texts of each batch, as indices into the workload."""
    order = list(range(len(token_ids)))
    if mode.sorted_by_length:
        order.sort(key=lambda index: len(token_ids[index]))
    size = mode.batch_size
    return [order[first : first + size] for first in range(0, len(order), size)]


def make_parts(batches: list[list[int]], num_parts: int) -> list[list[list[int]]]:
    """Batches dealt out in turn to at most `num_parts` parts."""
    count = min(num_parts, len(batches))
    return [batches[part::count] for part in range(count)]


def make_plan(
    tokenizer_path: Path,
    workload_folder: Path,
    mode_names: list[str],
    num_texts: int,
    num_parts: int,
) -> dict:
    """The plan as it is written to JSON; `num_texts` bounds each workload."""
    modes = [mode for mode in MODES if mode.name in mode_names]
    workloads = {}
    for name in dict.fromkeys(mode.workload for mode in modes):
        texts = read_texts(workload_folder / f"{name}.txt")[:num_texts]
        workloads[name] = tokenize(tokenizer_path, texts, WORKLOADS[name])
    return {
        "workloads": workloads,
        "modes": {
            mode.name: {
                "workload": mode.workload,
                "parts": make_parts(make_batches(workloads[mode.workload], mode), num_parts),
            }
            for mode in modes
        },
    }


def real_tokens(plan: dict, mode: str, part: int) -> int:
    """Tokens of one part, padding not counted."""
    token_ids = plan["workloads"][plan["modes"][mode]["workload"]]
    batches = plan["modes"][mode]["parts"][part]
    return sum(len(token_ids[index]) for batch in batches for index in batch)


def padded_over_real(plan: dict, mode: str) -> float:
    """Tokens of a mode after padding each batch to its longest text, over its real tokens."""
    token_ids = plan["workloads"][plan["modes"][mode]["workload"]]
    parts = plan["modes"][mode]["parts"]
    padded = sum(
        len(batch) * max(len(token_ids[index]) for index in batch)
        for part in parts
        for batch in part
    )
    return padded / sum(real_tokens(plan, mode, part) for part in range(len(parts)))


def write_plan(plan: dict, path: Path) -> None:
    """Writes the plan for the contenders to read."""
    path.write_text(json.dumps(plan), encoding="utf-8")
