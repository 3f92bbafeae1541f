"""The contender's side of the driver's protocol: reads the plan, runs parts, answers in JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# Token ids of the texts of one batch -> their hidden states [B, L, D], padded on the right.
EncodeBatch = Callable[[list[list[int]]], np.ndarray]


def make_arguments(description: str) -> argparse.ArgumentParser:
    """The options that every contender takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="the original model's directory")
    parser.add_argument("--converted", required=True, help="what prepare_models.py made of it")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def pad(batch: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and attention mask, [B, L] int64, padded on the right with 0."""
    longest = max(len(token_ids) for token_ids in batch)
    padded = np.zeros((len(batch), longest), dtype=np.int64)
    attention_mask = np.zeros_like(padded)
    for row, token_ids in enumerate(batch):
        padded[row, : len(token_ids)] = token_ids
        attention_mask[row, : len(token_ids)] = 1
    return padded, attention_mask


def pool(hidden: np.ndarray, batch: list[list[int]]) -> np.ndarray:
    """Mean over each text's own tokens, scaled to length 1: [B, D] float32."""
    rows = np.stack(
        [hidden[row, : len(token_ids)].mean(axis=0) for row, token_ids in enumerate(batch)]
    )
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


class Server:
    """Runs parts of the plan with one encoder."""

    def __init__(self, plan_path: str, encode: EncodeBatch) -> None:
        self._plan = json.loads(Path(plan_path).read_text(encoding="utf-8"))
        self._encode = encode

    def _batches(self, mode: str, part: int) -> list[list[list[int]]]:
        """The token ids of each batch of a part."""
        planned = self._plan["modes"][mode]
        token_ids = self._plan["workloads"][planned["workload"]]
        return [[token_ids[index] for index in batch] for batch in planned["parts"][part]]

    def run(self, mode: str, part: int) -> dict:
        """Encodes a part and says how long that took."""
        batches = self._batches(mode, part)
        started = time.perf_counter()
        for batch in batches:
            pool(self._encode(batch), batch)
        seconds = time.perf_counter() - started
        tokens = sum(len(token_ids) for batch in batches for token_ids in batch)
        return {"seconds": seconds, "real_tokens": tokens}

    def rows(self, mode: str, part: int, path: str) -> dict:
        """Encodes a part and writes its rows, in the order of its batches, to a .npy file."""
        batches = self._batches(mode, part)
        np.save(path, np.concatenate([pool(self._encode(batch), batch) for batch in batches]))
        return {"rows": path}


def serve(plan_path: str, encode: EncodeBatch, version: str) -> None:
    """Says that the model is loaded, then answers one line with one line until stdin ends."""
    server = Server(plan_path, encode)
    print(json.dumps({"ready": True, "version": version}), flush=True)
    for line in sys.stdin:
        command, mode, part, *path = line.rstrip("\n").split(" ", 3)
        run = server.run if command == "run" else server.rows
        print(json.dumps(run(mode, int(part), *path)), flush=True)
