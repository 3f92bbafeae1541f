"""Reads the English descriptions of all Debian packages, in archive order."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAIN_TRANSLATION = re.compile(r"_dists_[a-z]+_main_i18n_Translation-en(\.\w+)?$")


@dataclass(frozen=True)
class Description:
    """One package's description: its summary, and summary and body as one line."""

    summary: str
    text: str


def fetch_translation() -> str:
    """Fetches Translation-en with apt into a folder of its own; leaves the system's lists alone."""
    with tempfile.TemporaryDirectory() as lists:
        Path(lists).chmod(0o755)
        subprocess.run(
            [
                "apt-get",
                "update",
                "-qq",
                "-o",
                "Acquire::Languages=en",
                "-o",
                f"Dir::State::Lists={lists}",
            ],
            check=True,
        )
        paths = [path for path in Path(lists).iterdir() if MAIN_TRANSLATION.search(path.name)]
        if len(paths) != 1:
            raise FileNotFoundError(f"expected one Translation-en of the main archive, got {paths}")
        shown = subprocess.run(
            ["/usr/lib/apt/apt-helper", "cat-file", str(paths[0])], check=True, capture_output=True
        )
    return shown.stdout.decode("utf-8")


def parse_stanza(stanza: str) -> Description | None:
    """The description in one stanza; its lines joined by spaces, its empty lines (" .") dropped."""
    summary = ""
    lines: list[str] = []
    for line in stanza.split("\n"):
        if line.startswith("Description-en:"):
            summary = line.removeprefix("Description-en:").strip()
        elif summary and line.startswith(" ") and line.strip() != ".":
            lines.append(line.strip())
    return Description(summary, " ".join([summary, *lines])) if summary else None


def parse_translation(translation: str) -> Iterator[Description]:
    """Every description of a Translation file, each different text once."""
    seen: set[str] = set()
    for stanza in translation.split("\n\n"):
        description = parse_stanza(stanza)
        if description and description.text not in seen:
            seen.add(description.text)
            yield description
