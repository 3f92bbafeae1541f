"""Writes small model directories with real tokenizers; records what whole pipelines give for texts.

Every text runs alone. A model whose answers lie too near to each other is drawn again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from families import make_config, model_class
from goldens import seed_of
from model_directory import finished_directory, save_model
from pipeline_models import DIRECTORIES, Directory
from pipeline_tasks import Record, UnsuitableModelError, to_plain
from random_model import Spread, randomise

ATTEMPTS = 40
# So wide that the first token's row tells one text from another.
WIDE = Spread(tables=0.8, biases=0.2, gain=1.5)


def write_model(directory: Directory, path: Path, seed: int) -> None:
    """The tokenizer's files, and a random model with room for its ids."""
    vocab_size = directory.tokenizer.write(path)
    config = make_config(directory.family, directory.config | {"vocab_size": vocab_size})
    model = model_class(directory.family, directory.task)(config).eval()
    randomise(model, seed, WIDE)
    if directory.adjust is not None:
        directory.adjust(model)
    save_model(model, path, directory.weights)
    if directory.finish is not None:
        directory.finish(path)


def save_records(records: list[Record], path: Path) -> None:
    """One record to a list entry, one input and one output to a line."""
    entries = []
    for record in records:
        head = {"task": record.task, "options": record.options}
        lines = {
            name: ",\n   ".join(json.dumps(to_plain(one), ensure_ascii=False) for one in values)
            for name, values in (("inputs", record.inputs), ("outputs", record.outputs))
        }
        opening = json.dumps(head, ensure_ascii=False)[:-1]
        entries.append(
            f' {opening},\n  "inputs": [\n   {lines["inputs"]}],'
            f'\n  "outputs": [\n   {lines["outputs"]}]}}'
        )
    path.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")


def record(directory: Directory, output: Path, seed: int) -> None:
    """Writes the directory with its expected.json."""
    with finished_directory(output) as scratch, torch.no_grad():
        write_model(directory, scratch, seed)
        records = [entry for task in directory.recorded for entry in task.run(scratch)]
        save_records(records, scratch / "expected.json")


def record_suitable(directory: Directory, output: Path, base: int) -> None:
    """Draws models until one has clear answers."""
    seed = seed_of(directory.name, base)
    for attempt in range(ATTEMPTS):
        try:
            record(directory, output, seed + attempt * 10007)
        except UnsuitableModelError as reason:
            print(f"{directory.name}: attempt {attempt}: {reason}")
        else:
            return
    raise SystemExit(f"{directory.name}: no suitable model in {ATTEMPTS} attempts")


def main() -> None:
    """Records every directory that the running transformers has the pipelines for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="tests/data/pipelines")
    parser.add_argument("--only", default="", help="only directories whose name contains this")
    parser.add_argument("--seed", type=int, default=130)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for directory in DIRECTORIES:
        if arguments.only not in directory.name:
            continue
        if not all(task.is_available for task in directory.recorded):
            print(f"{directory.name}: skipped, this transformers lacks its pipeline")
            continue
        record_suitable(directory, arguments.output / directory.name, arguments.seed)


if __name__ == "__main__":
    main()
