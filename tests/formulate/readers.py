"""Other people's programs that read LP and MPS files, and solve what they read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def highs(path: Path) -> tuple[float, dict[str, float]] | None:
    """Read a file by HiGHS, which scipy brings along; return objective and values."""
    core = pytest.importorskip("scipy.optimize._highspy._core")
    solver = core._Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    assert solver.readModel(str(path)) == core.HighsStatus.kOk
    solver.run()
    status = solver.getModelStatus()
    if status == core.HighsModelStatus.kInfeasible:
        return None
    assert status == core.HighsModelStatus.kOptimal
    names = [solver.getColName(j)[1] for j in range(solver.getNumCol())]
    values = dict(zip(names, solver.getSolution().col_value, strict=True))
    return solver.getInfo().objective_function_value, values


def cbc(path: Path) -> tuple[float, dict[str, float]] | None:
    """Read a file by CBC, which PuLP brings along; return objective and values."""
    pytest.importorskip("pulp")
    from mpsolve.methods.cbc import cbc_program

    answer = path.with_suffix(".solution")
    arguments = [cbc_program(), path, "-ratio", "0", "-allow", "0", "-solve"]
    arguments += ["-solution", answer]
    log = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert " errors on input" not in log, log
    head, *lines = answer.read_text().splitlines()
    if "nfeasible" in head:
        return None
    assert head.startswith("Optimal"), head
    words = [line.replace("**", " ").split() for line in lines]
    return float(head.split()[-1]), {w[1]: float(w[2]) for w in words}


READERS = {"HiGHS": highs, "CBC": cbc}
