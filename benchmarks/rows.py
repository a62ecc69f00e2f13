"""One table of figures: each row a value, the baseline of the same run, and the goal if any."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_TITLES = ("what", "value", "unit", "baseline", "is", "ratio", "goal", "met")
_NUMERIC = frozenset({"value", "is", "ratio"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        group: What it belongs to, as in ``--only``.
        name: What was measured.
        value: The figure.
        unit: Its unit, and its baseline's.
        baseline: What it is compared with.
        baseline_value: The baseline's figure of the same run.
        goal: The goal in words, or empty.
        met: Whether the goal is met; None without one.
        note: Why it is not met, or what the figure leaves out.
    """

    group: str
    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    goal: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value by the baseline; None where the baseline is nothing."""
        return self.value / self.baseline_value if self.baseline_value else None


def render(rows: Sequence[Row]) -> str:
    """The table as text, and below it the notes."""
    lines = [_TITLES, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [_line(lines[0], widths), "  ".join("-" * width for width in widths)]
    group = ""
    for row, cells in zip(rows, lines[1:], strict=True):
        if row.group != group:
            group = row.group
            ruled.append(f"[{group}]")
        ruled.append(_line(cells, widths))
    ruled += [f"* {row.name}: {row.note}" for row in rows if row.note]
    return "\n".join(line.rstrip() for line in ruled)


def write_json(rows: Sequence[Row], path: Path, sizes: str) -> None:
    """Write the rows, with when and on what kind of machine they were measured."""
    told = {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "sizes": sizes,
        "machine": {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "rows": [asdict(row) | {"ratio": row.ratio} for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[row.met]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    shown = _number(row.value), row.unit, row.baseline, _number(row.baseline_value), ratio
    return (row.name + ("*" if row.note else ""), *shown, row.goal, met)


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.rjust(width) if title in _NUMERIC else cell.ljust(width)
        for cell, width, title in zip(cells, widths, _TITLES, strict=True)
    )
    return "  ".join(aligned)
