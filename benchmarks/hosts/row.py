"""What is compared, host by host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One host at one budget: alone, and with mpsolve as its solver.

    Attributes
    ----------
    host, setting : str
    alone, ours : float
        The host's own objective of both layouts.
    alone_cost, ours_cost : float
        What the layouts take of the budget, in the host's unit.
    budget : float
    alone_seconds, ours_seconds : float
        Of the choice alone, without scores.
    alone_loss, ours_loss : float
        Held-out loss of the network that the host made of each.
    at_least : bool
        Whether the budget is one from below.
    """

    host: str
    setting: str
    alone: float
    ours: float
    alone_cost: float
    ours_cost: float
    budget: float
    alone_seconds: float
    ours_seconds: float
    alone_loss: float
    ours_loss: float
    at_least: bool = False

    def check(self) -> None:
        """Raise unless mpsolve's objective is not higher and the budget is kept."""
        rounding = 1e-12 * abs(self.alone)
        assert self.ours <= self.alone + rounding, self
        if self.at_least:
            assert self.ours_cost >= self.budget, self
        else:
            assert self.ours_cost <= self.budget, self

    def cells(self) -> list[str]:
        """Return the cells of a table."""
        above = (self.alone / self.ours - 1) * 100 if self.ours else 0.0
        return [
            self.host,
            self.setting,
            f"{self.alone:.6g}",
            f"{self.ours:.6g}",
            f"{above:.2f} %",
            f"{self.alone_cost:,.0f}",
            f"{self.ours_cost:,.0f}",
            f"{self.alone_seconds * 1e3:.1f} ms",
            f"{self.ours_seconds * 1e3:.1f} ms",
            f"{self.alone_loss:.4f}",
            f"{self.ours_loss:.4f}",
        ]


COLUMNS = [
    "host",
    "budget",
    "objective alone",
    "with mpsolve",
    "alone is above by",
    "cost alone",
    "with mpsolve",
    "choice alone",
    "with mpsolve",
    "held-out loss alone",
    "with mpsolve",
]
