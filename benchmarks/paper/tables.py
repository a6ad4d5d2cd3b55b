"""Numbers in tables."""

from __future__ import annotations

from benchmarks.paper.statistics import Mean

__all__ = ["signed", "with_interval"]


def signed(value: float, digits: int = 4) -> str:
    return f"{value:+.{digits}f}"


def with_interval(mean: Mean, digits: int = 4) -> str:
    return f"{mean.value:.{digits}f} ± {mean.half:.{digits}f}"
