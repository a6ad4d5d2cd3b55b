"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.paper.statistics import Mean

__all__ = ["signed", "table", "with_interval"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Return a table whose first `words` columns are words and the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def signed(value: float, digits: int = 4) -> str:
    return f"{value:+.{digits}f}"


def with_interval(mean: Mean, digits: int = 4) -> str:
    return f"{mean.value:.{digits}f} ± {mean.half:.{digits}f}"
