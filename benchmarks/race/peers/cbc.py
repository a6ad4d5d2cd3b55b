"""CBC, the program that PuLP brings along."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pulp

from benchmarks.race.peers.columns import Columns, scaled_losses, scaled_usages
from benchmarks.race.peers.peer import Claim, Peer
from benchmarks.race.peers.program import Program

__all__ = ["Cbc"]


class Cbc(Peer):
    """CBC with a gap of zero, fed with an MPS file written here.

    PuLP's own objects and MPS writer take seven times as long. PuLP's ``status`` is not
    used either: after a time limit it says Optimal. The first line of CBC's solution
    file says what happened.
    """

    largest_usage = 1e3
    settings: ClassVar[dict[str, Any]] = {
        "ratioGap": 0,
        "allowableGap": 0,
        # The default 1e-6 of the scaled row can be more than a byte.
        "primalTolerance": 1e-9,
        # Presolving the integer model finds nothing here.
        "preprocess": "off",
        "threads": 0,  # means that none are started
    }

    @staticmethod
    def version() -> str:
        return f"pulp {version('pulp')}"

    def build(self, columns: Columns) -> str:
        """Return the model as the text of an MPS file."""
        return "".join(mps_lines(columns, self.largest_usage))

    def build_program(self, program: Program) -> str:
        """Return a problem with rows, counts and couplings as the text of a file."""
        return "".join(program_lines(program, self.largest_usage))

    def solve(self, model: str, columns: Columns, time_limit: float) -> Claim:
        with tempfile.TemporaryDirectory() as folder:
            problem, solution = Path(folder, "race.mps"), Path(folder, "race.sol")
            problem.write_text(model)
            log = subprocess.run(
                [
                    pulp.PULP_CBC_CMD().path,
                    problem,
                    *("-sec", str(time_limit), "-timeMode", "elapsed"),
                    *("-ratio", "0", "-allow", "0", "-threads", "0"),
                    *("-primalT", "1e-9", "-preprocess", "off"),
                    *("-branch", "-printingOptions", "all", "-solution", solution),
                ],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            head, *rows = solution.read_text().splitlines()
        return read_claim(columns, head, rows, log)


def mps_lines(columns: Columns, largest_usage: float) -> Iterator[str]:
    """Write the model as MPS: rows g0, g1, …, b, and columns x0, x1, …."""
    loss, _ = scaled_losses(columns)
    usage, budget = scaled_usages(columns, largest_usage)
    groups, numbers = range(columns.num_groups), range(columns.num_columns)
    yield "NAME race\nROWS\n N loss\n"
    yield from (f" E g{group}\n" for group in groups)
    yield " L b\nCOLUMNS\n    MARK 'MARKER' 'INTORG'\n"
    yield from (
        f"    x{i} loss {c!r} g{g} 1\n    x{i} b {w!r}\n"
        for i, c, g, w in zip(
            numbers, loss.tolist(), columns.group.tolist(), usage.tolist(), strict=True
        )
    )
    yield "    MARK 'MARKER' 'INTEND'\nRHS\n"
    yield from (f"    RHS g{group} 1\n" for group in groups)
    yield f"    RHS b {budget!r}\nBOUNDS\n"
    yield from (f" BV BND       x{i}\n" for i in numbers)
    yield "ENDATA\n"


def program_lines(program: Program, largest_usage: float) -> Iterator[str]:
    """Write a program as MPS: rows g… (layers), r… (budgets, counts), l… (links)."""
    loss, _ = scaled_losses(program)
    num_options = int(program.offsets[program.num_layers])
    scaled = [row.scaled(largest_usage) for row in program.rows]
    kinds = ["E" if low == high else "L" for _, low, high in scaled]
    entries: list[list[str]] = [[f"loss {c!r}"] for c in loss.tolist()]
    for i, layer in enumerate(program.group[:num_options].tolist()):
        entries[i].append(f"g{layer} 1")
    for r, (row, (values, _, _)) in enumerate(zip(program.rows, scaled, strict=True)):
        for i, value in zip(row.columns.tolist(), values.tolist(), strict=True):
            entries[i].append(f"r{r} {value!r}")
    for link, i, value in zip(
        program.link_rows.tolist(),
        program.link_columns.tolist(),
        program.link_values.tolist(),
        strict=True,
    ):
        entries[i].append(f"l{link} {value}")
    yield "NAME race\nROWS\n N loss\n"
    yield from (f" E g{layer}\n" for layer in range(program.num_layers))
    yield from (f" {kind} r{r}\n" for r, kind in enumerate(kinds))
    yield from (f" E l{link}\n" for link in range(program.num_links))
    yield "COLUMNS\n    MARK 'MARKER' 'INTORG'\n"
    for i, pieces in enumerate(entries):
        if i == num_options:
            yield "    MARK 'MARKER' 'INTEND'\n"
        yield from (f"    x{i} {piece}\n" for piece in pieces)
    if len(entries) == num_options:
        yield "    MARK 'MARKER' 'INTEND'\n"
    yield "RHS\n"
    yield from (f"    RHS g{layer} 1\n" for layer in range(program.num_layers))
    yield from (f"    RHS r{r} {high!r}\n" for r, (_, _, high) in enumerate(scaled))
    yield "BOUNDS\n"
    for i in range(len(entries)):
        yield f" {'BV BND' if i < num_options else 'UP BND'} x{i}"
        yield "\n" if i < num_options else " 1\n"
    yield "ENDATA\n"


def read_claim(columns: Columns, head: str, rows: list[str], log: str) -> Claim:
    """Read what CBC says in its solution file, and its bound in the log."""
    _, scale = scaled_losses(columns)
    has_layout = "objective value" in head and "no integer solution" not in head
    if head.startswith(("Infeasible", "Integer infeasible")):
        return Claim("INFEASIBLE", None, math.inf)
    choices = None
    if has_layout:
        chosen = [
            int(name[1:])
            for _, name, value, _ in map(str.split, rows)
            if name[0] == "x" and float(value) > 0.5
        ]
        choices = columns.choices(np.array(chosen, dtype=np.int64))
    if head.startswith("Optimal"):
        objective = float(head.split()[-1])
        return Claim("OPTIMAL", choices, columns.least_loss + objective / scale)
    found = re.search(r"Lower bound:\s+(\S+)", log)
    bound = columns.least_loss + float(found[1]) / scale if found else -math.inf
    return Claim("FEASIBLE" if has_layout else "NO_SOLUTION_FOUND", choices, bound)
