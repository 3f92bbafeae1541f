"""The driver's side of the protocol: one process per contender, stopped while others run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contender:
    """How a contender is started; `is_f32` says whether its rows must equal the reference's."""

    name: str
    command: list[str]
    is_f32: bool = True


def python_contenders(model: Path, converted: Path) -> list[Contender]:
    """The runtimes from PyPI; the first is the reference that the others are checked against."""
    common = ["--model", str(model), "--converted", str(converted)]

    def program(module: str, *options: str) -> list[str]:
        return [sys.executable, "-m", f"contenders.{module}", *common, *options]

    return [
        Contender("torch", program("torch_bert")),
        Contender("onnxruntime", program("onnxruntime_bert", "--graph", "plain")),
        Contender("onnxruntime-opt", program("onnxruntime_bert", "--graph", "optimised")),
        Contender("openvino", program("openvino_bert")),
        Contender("ctranslate2", program("ctranslate2_bert", "--compute-type", "float32")),
        Contender(
            "ctranslate2-int8", program("ctranslate2_bert", "--compute-type", "int8"), is_f32=False
        ),
    ]


def own_contenders(program: Path, model: Path) -> list[Contender]:
    """Our own encoder: on real tokens only, padded to the longest, and in bf16."""
    command = [str(program), "--model", str(model)]
    return [
        Contender("nopad", command),
        Contender("nopad-padded", [*command, "--padded"]),
        Contender("nopad-bf16", [*command, "--dtype", "bf16"], is_f32=False),
    ]


class ContenderProcess:
    """A running contender. It is stopped (SIGSTOP) whenever it has nothing to answer, so that
    threads that spin while they wait take no time from the others."""

    def __init__(self, contender: Contender, plan: Path, threads: int) -> None:
        self.name = contender.name
        self.is_f32 = contender.is_f32
        command = [*contender.command, "--plan", str(plan), "--threads", str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=HERE
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

    def _ask(self, line: str) -> dict:
        """Lets the process run until it has answered one line."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(line + "\n")
        answer = self._answer()
        self._process.send_signal(signal.SIGSTOP)
        return answer

    def seconds(self, mode: str, part: int, real_tokens: int) -> float:
        """How long the contender takes for one part of a mode, which has `real_tokens`."""
        answer = self._ask(f"run {mode} {part}")
        if answer["real_tokens"] != real_tokens:
            raise RuntimeError(
                f"{self.name}: {mode}, part {part}: expected {real_tokens} real "
                f"tokens, got {answer['real_tokens']}"
            )
        return answer["seconds"]

    def write_rows(self, mode: str, part: int, path: Path) -> None:
        """Lets the contender write the rows of a part."""
        self._ask(f"rows {mode} {part} {path}")

    def close(self) -> None:
        """Ends the process; a kill reaches it even while it is stopped."""
        self._process.kill()
        self._process.wait()
