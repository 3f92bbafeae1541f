"""The contender's side of the driver's protocol: loads the data, answers each line in JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors.numpy import load_file, save_file

Data = dict[str, np.ndarray]


class Lstm(Protocol):
    """A framework's bidirectional LSTM over the batch."""

    def forward(self) -> None:
        """Computes the outputs, as for inference."""

    def train(self) -> None:
        """Computes the outputs, and the gradients of all weights from that of the outputs."""

    def results(self) -> Data:
        """`output` of the real tokens, and `d_weight_ih`, `d_weight_hh`, `d_bias`."""


def make_arguments(description: str) -> argparse.ArgumentParser:
    """The options that every contender takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--input-gradient", action="store_true")
    return parser


def pad(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Rows of real tokens [T, D] as a batch [B, L, D], padded on the right with zeros."""
    padded = np.zeros((len(lengths), lengths.max(), values.shape[1]), dtype=values.dtype)
    padded[keep(lengths)] = values
    return padded


def keep(lengths: np.ndarray) -> np.ndarray:
    """Where the real tokens of the padded batch are, [B, L] bool."""
    return np.arange(lengths.max())[None, :] < lengths[:, None]


def memory_mb(field: str) -> float:
    """A line of /proc/self/status in MB, e.g. VmRSS."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return float(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status: expected {field}")


def answer(lstm: Lstm, verb: str, path: str) -> dict:
    """What the driver is told about one request."""
    if verb == "memory":
        before = memory_mb("VmRSS")
        lstm.train()
        return {"before_mb": before, "peak_mb": memory_mb("VmHWM")}
    if verb == "results":
        save_file(lstm.results(), path)
        return {"results": path}
    run = {"forward": lstm.forward, "train": lstm.train}[verb]
    start = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - start}


def serve(lstm: Lstm, version: str) -> None:
    """Says that the data is loaded, then answers one line with one line until stdin ends."""
    print(json.dumps({"ready": True, "version": version}), flush=True)
    for line in sys.stdin:
        verb, _, path = line.rstrip("\n").partition(" ")
        print(json.dumps(answer(lstm, verb, path)), flush=True)


def load_data(path: Path) -> Data:
    """The driver's data."""
    return load_file(path)
