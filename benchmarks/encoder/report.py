"""Turns measured seconds into tables: tokens/s, and how nopad stands to the best contender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

OWN_PREFIX = "nopad"


@dataclass
class Measurements:
    """Seconds of every round, by mode, contender and part; real tokens by mode and part."""

    tokens: dict[str, list[int]]
    seconds: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)

    def add(self, mode: str, contender: str, part: int, seconds: float) -> None:
        """Notes one timing."""
        parts = self.seconds.setdefault(mode, {}).setdefault(
            contender, [[] for _ in self.tokens[mode]]
        )
        parts[part].append(seconds)

    def rate(self, mode: str, contender: str) -> float:
        """Real tokens per second over the whole mode, each part at the median of its rounds."""
        parts = self.seconds[mode][contender]
        return sum(self.tokens[mode]) / sum(median(rounds) for rounds in parts)


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A table with the first column left-aligned and figures right-aligned."""
    alignment = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, alignment, *rows])


def rate_table(measured: Measurements, contenders: list[str], padding: dict[str, float]) -> str:
    """Real tokens per second of every contender in every mode."""
    rows = [
        [mode, f"{padding[mode]:.2f}", *(f"{measured.rate(mode, name):.0f}" for name in contenders)]
        for mode in measured.tokens
    ]
    return markdown_table(["real tokens/s", "padded/real", *contenders], rows)


def best_of(names: list[str], rate: Callable[[str], float]) -> tuple[float, str]:
    """The highest rate among the names, and whose it is."""
    return max((rate(name), name) for name in names)


def ratio_row(measured: Measurements, mode: str, own: str, others: list[str]) -> list[str]:
    """One mode: `own` against the best given the same batches, and against the best way of use."""
    own_rate = measured.rate(mode, own)
    same, same_name = best_of(others, lambda name: measured.rate(mode, name))
    workload = mode.split("/")[0]
    ways = [other for other in measured.tokens if other.split("/")[0] == workload]
    best, best_name, best_mode = max(
        (measured.rate(way, name), name, way) for way in ways for name in others
    )
    return [
        mode,
        f"{own_rate / same:.2f}x",
        same_name,
        f"{own_rate / best:.2f}x",
        f"{best_name}, {best_mode}",
    ]


def ratio_table(measured: Measurements, own: str, others: list[str]) -> str:
    """`own` against the best of the others, mode by mode."""
    header = [own, "best, same batches", "whose", "best way of use", "whose"]
    return markdown_table(
        header, [ratio_row(measured, mode, own, others) for mode in measured.tokens]
    )


def ratio_tables(measured: Measurements, contenders: list[str], f32: set[str]) -> str:
    """The ratios of each of our own contenders to the f32 ones, then to all."""
    foreign = [name for name in contenders if not name.startswith(OWN_PREFIX)]
    foreign_f32 = [name for name in foreign if name in f32]
    tables = []
    for own in [name for name in contenders if name.startswith(OWN_PREFIX)]:
        if foreign_f32:
            tables.append("Against f32 contenders:\n\n" + ratio_table(measured, own, foreign_f32))
        if len(foreign) > len(foreign_f32):
            tables.append("Against all contenders:\n\n" + ratio_table(measured, own, foreign))
    return "\n\n".join(tables)
