"""The program CBC that PuLP brings along: how it is run, and what it says."""

from __future__ import annotations

import contextlib
import math
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mpsolve.errors import MethodUnavailableError
from mpsolve.formulate.mps import mps_text
from mpsolve.methods.call import call_interruptibly
from mpsolve.methods.mip_search import Run, Search
from mpsolve.result import Limit

__all__ = ["cbc_program", "read_solution", "run_cbc"]

#: Seconds after which CBC is ended that was asked to stop.
PATIENCE = 2.0

#: What CBC's log prints of a bound; half of it may be missing.
LOG_PRECISION = 1e-3

SETTINGS = (
    # The default 1e-6 of a scaled row can be more than a byte.
    *("-primalT", "1e-9"),
    # Presolving the integer program finds nothing here.
    *("-preprocess", "off"),
)


def cbc_program() -> str:
    """Return the path of CBC.

    Returns
    -------
    str

    Raises
    ------
    MethodUnavailableError
        If PuLP brought none for this machine, and there is none on the path.
    """
    pulp: Any = import_module("pulp")
    for solver in (pulp.PULP_CBC_CMD(msg=False), pulp.COIN_CMD(msg=False)):
        if solver.available():
            return str(solver.available() if solver.path is None else solver.path)
    msg = "the method 'pulp' needs CBC, which PuLP does not find on this machine"
    raise MethodUnavailableError(msg)


def run_cbc(search: Search, seconds: float) -> Run:
    """Run CBC once on an MPS file.

    Parameters
    ----------
    search : Search
    seconds : float
        Time that is left; inf without a limit.

    Returns
    -------
    Run
    """
    model = search.model
    columns = [f"x{j}" for j in range(model.num_columns)]
    rows = [f"r{i}" for i in range(model.num_rows)]
    with tempfile.TemporaryDirectory(prefix="mpsolve-") as folder:
        problem, solution = Path(folder, "problem.mps"), Path(folder, "solution.txt")
        problem.write_text(mps_text(model, columns, rows), encoding="ascii")
        options = _options(search, seconds, Path(folder, "start.txt"))
        arguments = [cbc_program(), str(problem), *options]
        arguments += ["-solve", "-printingOptions", "all", "-solution", str(solution)]
        log, is_interrupted = _call(arguments)
        found = solution.read_text(encoding="ascii") if solution.exists() else ""
    return read_solution(found, log, model.num_columns, is_interrupted=is_interrupted)


def _options(search: Search, seconds: float, start: Path) -> list[str]:
    asked = search.parameters
    absolute_gap, relative_gap = search.gaps()
    options = [*SETTINGS, "-ratio", repr(relative_gap), "-allow", repr(absolute_gap)]
    if seconds < math.inf:
        options += ["-sec", f"{seconds:.3f}", "-timeMode", "elapsed"]
    # 0 starts none besides the main one.
    options += ["-threads", str(asked.threads if (asked.threads or 1) > 1 else 0)]
    if asked.seed is not None:
        options += ["-randomCbcSeed", str(asked.seed % 2**31)]
        options += ["-randomSeed", str(asked.seed % 2**31)]
    if asked.node_limit is not None:
        options += ["-maxNodes", str(min(asked.node_limit, 2**31 - 1))]
    if (hint := search.hint) is not None:
        lines = (f"{i} x{j} 1 0\n" for i, j in enumerate(hint.tolist()))
        start.write_text("Stopped - objective value 0\n" + "".join(lines))
        options += ["-mips", str(start)]
    return options


def _call(arguments: Sequence[str]) -> tuple[str, bool]:
    """Run a program; return what it printed, and whether Ctrl-C came."""
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Ctrl-C in a terminal reaches it through us alone.
        start_new_session=True,
    ) as process:

        def stop() -> None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
                return
            process.kill()

        try:
            (log, _), is_interrupted = call_interruptibly(process.communicate, stop)
        finally:
            process.kill()
    return log, is_interrupted


def read_solution(
    solution: str, log: str, num_columns: int, *, is_interrupted: bool = False
) -> Run:
    """Read what CBC says: the first line of its solution file, and its log's bound.

    Parameters
    ----------
    solution : str
        Text of the file; empty where there is none.
    log : str
    num_columns : int
        Columns are named x0, x1, ….
    is_interrupted : bool
        Whether Ctrl-C came.

    Returns
    -------
    Run
    """
    head, *lines = solution.splitlines() or [""]
    has_layout = "objective value" in head and "no integer solution" not in head
    if head.startswith(("Infeasible", "Integer infeasible")):
        return Run("infeasible", is_interrupted=is_interrupted, detail=head)
    status: Literal["optimal", "stopped"] = "stopped"
    if head.startswith("Optimal"):
        status = "optimal"
    values = _values(lines, num_columns) if has_layout else None
    found = re.findall(r"Lower bound:\s+(\S+)", log)
    bound = float(found[-1]) - LOG_PRECISION if found else -math.inf
    if status == "optimal" and not found and "within gap tolerance" not in log:
        bound = float(head.split()[-1])
    # At its limit of nodes it says that it stopped on iterations.
    limits = {"time": Limit.TIME, "nodes": Limit.NODE, "iterations": Limit.NODE}
    said = re.search(r"[Ss]topped on (\w+)", head + log)
    nodes = re.findall(r"Enumerated nodes:\s+(\d+)", log)
    iterations = re.findall(r"Total iterations:\s+(\d+)", log)
    return Run(
        status=status,
        dual_bound=bound,
        values=values,
        limit=limits.get(said[1]) if said else None,
        detail=head or " ".join(log.split()[-20:]),
        nodes=float(nodes[-1]) if nodes else 0.0,
        iterations=float(iterations[-1]) if iterations else 0.0,
        is_interrupted=is_interrupted,
    )


def _values(lines: Sequence[str], num_columns: int) -> npt.NDArray[np.float64]:
    values = np.zeros(num_columns)
    for line in lines:
        # Two stars mark what breaks a tolerance.
        words = line.replace("**", " ").split()
        if len(words) == 4 and words[1].startswith("x"):
            values[int(words[1][1:])] = float(words[2])
    return values
