"""What a reader must know about the machine that a table was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

FLAGS = [
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
]


def cpu_fields() -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo."""
    first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n", 1)[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def describe_machine() -> str:
    """Processor, instruction sets, number of processors and operating system, on one line."""
    fields = cpu_fields()
    present = set(fields.get("flags", "").split())
    flags = " ".join(flag for flag in FLAGS if flag in present)
    return (
        f"{fields.get('model name', platform.machine())}, {os.cpu_count()} processors, "
        f"{flags}; {platform.system()} {platform.release()}"
    )
