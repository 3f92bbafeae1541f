"""Runs the LSTM benchmark: every contender on the same batch, interleaved in one run.

First the outputs and gradients of all are checked against torch's packed ones; then each is timed
in turn, who is first changing from round to round, while all others are stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from safetensors.numpy import load_file
from workload import DIRECTIONS, INPUT_SIZE, LENGTHS, padded_over_real, write_data

HERE = Path(__file__).resolve().parent
CONTENDERS = ["torch-packed", "torch-padded", "keras", "nopad"]
REFERENCE = "torch-packed"
OWN = "nopad"
VERBS = {"forward": "forward", "train": "forward + backward"}
# Of outputs, which are below 1, and of gradients, relative to the largest.
TOLERANCES = {"output": 1e-5, "d_weight_ih": 1e-4, "d_weight_hh": 1e-4, "d_bias": 1e-4}


class ContenderProcess:
    """A running contender. It is stopped (SIGSTOP) whenever it has nothing to answer, so that
    threads that spin while they wait take no time from the others."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        environment = {**os.environ, "OMP_NUM_THREADS": command[command.index("--threads") + 1]}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=HERE,
            env=environment,
        )
        self.version = self._answer()["version"]
        self._process.send_signal(signal.SIGSTOP)

    def _answer(self) -> dict:
        """The contender's next line; its end before an answer is an error."""
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"{self.name}: ended with status {self._process.wait()} instead of answering"
            )
        return json.loads(line)

    def ask(self, request: str) -> dict:
        """Lets the process run until it has answered one line."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(request + "\n")
        answer = self._answer()
        self._process.send_signal(signal.SIGSTOP)
        return answer

    def close(self) -> None:
        """Ends the process; a kill reaches it even while it is stopped."""
        self._process.kill()
        self._process.wait()


def commands(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """How each contender is started, less the options that all take."""
    torch = [str(arguments.torch_python), "-m", "contenders.torch_lstm"]
    return {
        "torch-packed": torch,
        "torch-padded": [*torch, "--padded"],
        "keras": [str(arguments.keras_python), "-m", "contenders.keras_lstm"],
        OWN: [str(arguments.program)],
    }


def start(
    stack: ExitStack, arguments: argparse.Namespace, data: Path
) -> dict[str, ContenderProcess]:
    """Starts the contenders one after another; the stack ends them."""
    options = ["--data", str(data), "--threads", str(arguments.threads)]
    options += ["--input-gradient"] if arguments.input_gradient else []
    processes = {}
    for name in dict.fromkeys([REFERENCE, *arguments.contenders]):
        processes[name] = ContenderProcess(name, [*commands(arguments)[name], *options])
        stack.callback(processes[name].close)
    return processes


def largest_differences(actual: dict, expected: dict, forward_only: bool) -> dict[str, float]:
    """Max-abs of each result to the reference's; of gradients relative to the largest."""
    if forward_only:
        half = expected["output"].shape[1] // DIRECTIONS
        return {"output": float(np.abs(actual["output"] - expected["output"])[:, :half].max())}
    return {
        name: float(
            np.abs(actual[name] - expected[name]).max()
            / (1 if name == "output" else np.abs(expected[name]).max())
        )
        for name in TOLERANCES
    }


def check(processes: dict[str, ContenderProcess], scratch: Path) -> None:
    """Compares outputs and gradients with the reference's; warms every contender up by the way.

    The padded torch sees the padding first in its backward half: there only the other is compared.
    """
    results = {}
    for name, process in processes.items():
        process.ask(f"results {scratch / name}")
        results[name] = load_file(scratch / name)
    for name, process in processes.items():
        differences = largest_differences(
            results[name], results[REFERENCE], forward_only=name == "torch-padded"
        )
        listed = ", ".join(f"{key} {value:.1e}" for key, value in differences.items())
        print(f"- {name}: {process.version}; differs by {listed}")
        for key, value in differences.items():
            if not value <= TOLERANCES[key]:
                raise RuntimeError(
                    f"{name}: {key}: expected at most {TOLERANCES[key]} from {REFERENCE}'s, "
                    f"got {value:.3g}"
                )


def measure(processes: dict[str, ContenderProcess], rounds: int) -> dict[str, dict[str, float]]:
    """The median milliseconds of each contender, by verb."""
    names = list(processes)
    taken = {verb: {name: [] for name in names} for verb in VERBS}
    for repetition in range(rounds):
        turn = repetition % len(names)
        for verb in VERBS:
            for name in names[turn:] + names[:turn]:
                taken[verb][name].append(processes[name].ask(verb)["seconds"] * 1000)
    return {
        verb: {name: median(times) for name, times in by_name.items()}
        for verb, by_name in taken.items()
    }


def time_rows(units: int, milliseconds: dict[str, dict[str, float]]) -> list[str]:
    """The table's rows of one size: milliseconds, and nopad against torch's better way."""
    rows = []
    for verb, title in VERBS.items():
        times = milliseconds[verb]
        best = min(time for name, time in times.items() if name.startswith("torch"))
        ratio = f"{best / times[OWN]:.2f}x" if OWN in times else ""
        figures = " | ".join(f"{time:.1f}" for time in times.values())
        rows.append(f"| {title}, {units} units | {figures} | {ratio} |")
    return rows


def memory_row(units: int, processes: dict[str, ContenderProcess]) -> str:
    """What the first training step of fresh processes adds to their memory, at its peak."""
    figures = []
    for process in processes.values():
        answer = process.ask("memory")
        figures.append(f"{answer['peak_mb'] - answer['before_mb']:.0f}")
    return f"| peak MB of a first training step, {units} units | {' | '.join(figures)} | |"


def benchmark(units: int, arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Checks and times all contenders at one size: their names and the table's rows."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_data(units, scratch / "data.safetensors")
        processes = start(stack, arguments, scratch / "data.safetensors")
        memory = memory_row(units, processes)
        print(f"\n{units} units:", flush=True)
        check(processes, scratch)
        rows = [*time_rows(units, measure(processes, arguments.rounds)), memory]
        return list(processes), rows


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=Path("build/release/nopad_lstm_bench"))
    parser.add_argument("--torch-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--keras-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--units", nargs="+", type=int, default=[50, 256])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--input-gradient", action="store_true", help="training computes that of the input, too"
    )
    arguments = parser.parse_args()
    for name in ["program", "torch_python", "keras_python"]:
        setattr(arguments, name, Path(os.path.abspath(getattr(arguments, name))))
    return arguments


def main() -> None:
    """Benchmarks each size in turn."""
    # A stopped contender would outlive a driver that just dies: leave by an exception instead.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    arguments = parse_arguments()
    print(
        f"Bidirectional LSTM, input {INPUT_SIZE}, {len(LENGTHS)} texts of {sum(LENGTHS)} tokens, "
        f"longest {max(LENGTHS)}, padded/real {padded_over_real():.2f}, f32, "
        f"{arguments.threads} threads"
    )
    table = []
    for units in arguments.units:
        names, rows = benchmark(units, arguments)
        table += rows
    print(f"\n| ms | {' | '.join(names)} | nopad to torch's better |")
    print("|---" + "|--:" * (len(names) + 1) + "|")
    print("\n".join(table))


if __name__ == "__main__":
    main()
