"""Runs a program and compares what it prints with a file: words exactly, numbers to 2e-4.

Usage: compare_output.py EXPECTED PROGRAM [ARGUMENT...]

Instruction sets differ in the last bits, which shows where a printed number is rounded.
"""

import re
import subprocess
import sys
from pathlib import Path

NUMBER = re.compile(r"-?\d+\.\d+")


def words_of(text: str) -> str:
    """The text without its decimal numbers, and without blanks, which a minus sign shifts."""
    return "".join(NUMBER.sub("#", text).split())


def main() -> int:
    """Returns 0 when the two are alike."""
    expected = Path(sys.argv[1]).read_text(encoding="utf-8")
    run = subprocess.run(sys.argv[2:], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(run.stdout, run.stderr, sep="\n")
        return run.returncode
    numbers = zip(NUMBER.findall(run.stdout), NUMBER.findall(expected), strict=False)
    alike = words_of(run.stdout) == words_of(expected) and all(
        abs(float(actual) - float(wanted)) <= 2e-4 for actual, wanted in numbers
    )
    if not alike:
        print(f"expected what {sys.argv[1]} holds, got:", run.stdout, sep="\n")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
