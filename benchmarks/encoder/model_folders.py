"""Where the models of the benchmark and their converted forms lie: in the user's cache folder."""

from __future__ import annotations

import os
from pathlib import Path

MODEL_NAMES = {"minilm": "all-MiniLM-L6-v2", "bert-base": "bert-base-random"}


def cache_folder() -> Path:
    """${XDG_CACHE_HOME:-~/.cache}/nopad."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nopad"


def model_folder(model: str) -> Path:
    """The directory of the original model, as transformers writes it."""
    return cache_folder() / "models" / MODEL_NAMES[model]


def converted_folder(model: str) -> Path:
    """The directory of what prepare_models.py made of it for the other runtimes."""
    return cache_folder() / "benchmark-models" / MODEL_NAMES[model]


def workload_folder() -> Path:
    """The directory that tools/workloads/make_workloads.py writes."""
    return cache_folder() / "workloads"
