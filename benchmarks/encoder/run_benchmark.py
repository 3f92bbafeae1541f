"""Runs the encoder benchmark: every contender on the same batches, interleaved in one run.

First every contender's rows are checked against torch's; then each part of each mode is timed
contender by contender, the order turning from part to part, while all others are stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from contender_process import Contender, ContenderProcess, own_contenders, python_contenders
from machine import describe_machine
from model_folders import MODEL_NAMES, converted_folder, model_folder, workload_folder
from plan import MODES, make_plan, padded_over_real, real_tokens, write_plan
from report import Measurements, rate_table, ratio_tables

CONTENDER_NAMES = [
    "torch",
    "onnxruntime",
    "onnxruntime-opt",
    "openvino",
    "ctranslate2",
    "ctranslate2-int8",
    "nopad",
    "nopad-padded",
    "nopad-bf16",
]
# bf16 needs a machine with AMX: ask for it by name.
DEFAULT_CONTENDERS = [name for name in CONTENDER_NAMES if name != "nopad-bf16"]
# Texts of each workload; BERT-base takes about seven times as long for each.
NUM_TEXTS = {"minilm": 640, "bert-base": 192}
QUICK_NUM_TEXTS = 64
TOLERANCE_F32 = 1e-4


def progress(text: str) -> None:
    """Says on stderr what is being done; the tables alone go to stdout."""
    print(text, file=sys.stderr, flush=True)


def choose_contenders(names: list[str], program: Path, model: str) -> list[Contender]:
    """The contenders of that name; torch always comes first, as the reference."""
    folder = model_folder(model)
    known = python_contenders(folder, converted_folder(model)) + own_contenders(program, folder)
    return [contender for contender in known if contender.name in {"torch", *names}]


def largest_difference(
    process: ContenderProcess, reference: Path, mode: str, part: int, scratch: Path
) -> float:
    """Max-abs between a contender's rows of one part and the reference's."""
    path = scratch / "rows.npy"
    process.write_rows(mode, part, path)
    rows, expected = np.load(path), np.load(reference)
    if rows.shape != expected.shape:
        raise RuntimeError(
            f"{process.name}: {mode}: expected rows {expected.shape}, got {rows.shape}"
        )
    difference = np.abs(rows.astype(np.float32) - expected).max()
    return float(difference) if np.isfinite(rows).all() else float("inf")


def check(processes: list[ContenderProcess], plan: dict, scratch: Path) -> None:
    """Compares part 0 of every mode with torch's rows; warms every contender up by the way.

    Raises RuntimeError if an f32 contender differs by more than TOLERANCE_F32.
    """
    worst = {process.name: 0.0 for process in processes}
    reference = scratch / "reference.npy"
    for mode in plan["modes"]:
        progress(f"checking {mode}")
        processes[0].write_rows(mode, 0, reference)
        for process in processes[1:]:
            difference = largest_difference(process, reference, mode, 0, scratch)
            worst[process.name] = max(worst[process.name], difference)
            if process.is_f32 and not difference <= TOLERANCE_F32:
                raise RuntimeError(
                    f"{process.name}: {mode}: rows differ from torch's by "
                    f"{difference:.3g}, expected at most {TOLERANCE_F32}"
                )
    for process in processes[1:]:
        print(f"- {process.name}: {process.version}; max-abs to torch {worst[process.name]:.1e}")


def measure(processes: list[ContenderProcess], plan: dict, rounds: int) -> Measurements:
    """Times every part of every mode, contender after contender, `rounds` times."""
    measured = Measurements(
        {
            mode: [real_tokens(plan, mode, part) for part in range(len(planned["parts"]))]
            for mode, planned in plan["modes"].items()
        }
    )
    turn = 0
    for repetition in range(rounds):
        for mode, planned in plan["modes"].items():
            progress(f"round {repetition + 1} of {rounds}: {mode}")
            for part in range(len(planned["parts"])):
                tokens = measured.tokens[mode][part]
                for process in processes[turn:] + processes[:turn]:
                    measured.add(mode, process.name, part, process.seconds(mode, part, tokens))
                turn = (turn + 1) % len(processes)
    return measured


def start(
    stack: ExitStack, contenders: list[Contender], plan: Path, threads: int
) -> list[ContenderProcess]:
    """Starts the contenders one after another; the stack ends them."""
    processes = []
    for contender in contenders:
        progress(f"loading {contender.name}")
        process = ContenderProcess(contender, plan, threads)
        stack.callback(process.close)
        processes.append(process)
    return processes


def benchmark(model: str, arguments: argparse.Namespace) -> None:
    """Checks and times all contenders on one model, and prints its tables."""
    num_texts = arguments.texts or NUM_TEXTS[model]
    num_texts = min(num_texts, QUICK_NUM_TEXTS) if arguments.quick else num_texts
    plan = make_plan(
        model_folder(model) / "tokenizer.json",
        workload_folder(),
        arguments.modes,
        num_texts,
        num_parts=1 if arguments.quick else arguments.parts,
    )
    contenders = choose_contenders(arguments.contenders, arguments.program, model)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_plan(plan, scratch / "plan.json")
        processes = start(stack, contenders, scratch / "plan.json", arguments.threads)
        print(f"\n## {MODEL_NAMES[model]}, {num_texts} texts, {arguments.threads} threads\n")
        print(f"- torch: {processes[0].version}; the reference")
        check(processes, plan, scratch)
        measured = measure(processes, plan, 1 if arguments.quick else arguments.rounds)
    timed = [process.name for process in processes]
    f32 = {process.name for process in processes if process.is_f32}
    padding = {mode: padded_over_real(plan, mode) for mode in plan["modes"]}
    print("\n" + rate_table(measured, timed, padding))
    print("\n" + ratio_tables(measured, timed, f32), flush=True)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    mode_names = [mode.name for mode in MODES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--program",
        type=Path,
        default=Path("build/release/nopad_encoder_bench"),
        help="nopad_encoder_bench, for the contenders named nopad*",
    )
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, default=list(MODEL_NAMES))
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=CONTENDER_NAMES,
        default=DEFAULT_CONTENDERS,
        help="torch, the reference, always runs",
    )
    parser.add_argument("--modes", nargs="+", choices=mode_names, default=mode_names)
    parser.add_argument("--rounds", type=int, default=3, help="times that each part is timed")
    parser.add_argument("--parts", type=int, default=5, help="slices that a mode is timed in")
    parser.add_argument("--texts", type=int, help=f"texts of each workload; default {NUM_TEXTS}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"at most {QUICK_NUM_TEXTS} texts, one round: does everything run?",
    )
    arguments = parser.parse_args()
    arguments.program = arguments.program.resolve()
    return arguments


def main() -> None:
    """Benchmarks each model in turn."""
    # A stopped contender would outlive a driver that just dies: leave by an exception instead.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    arguments = parse_arguments()
    print(f"Machine: {describe_machine()}")
    for model in arguments.models:
        benchmark(model, arguments)


if __name__ == "__main__":
    main()
