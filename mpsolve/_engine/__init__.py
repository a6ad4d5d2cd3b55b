"""The compiled engine: proven layouts for one or several budgets."""

try:
    from mpsolve._engine._native import (
        DenseOutcome,
        FrontOutcome,
        MckpOutcome,
        PathsOutcome,
        solve_dense,
        solve_front,
        solve_mckp,
        solve_paths,
        sweep_entries,
    )
except ModuleNotFoundError as error:
    if error.name != "mpsolve._engine._native":
        raise
    _message = (
        "mpsolve's compiled engine is missing: this is a checkout that was not built. "
        "Build it with `pip install -e .` (it needs a C++17 compiler), "
        "or install the released package with `pip install mpsolve`."
    )
    raise ImportError(_message) from error

__all__ = [
    "DenseOutcome",
    "FrontOutcome",
    "MckpOutcome",
    "PathsOutcome",
    "solve_dense",
    "solve_front",
    "solve_mckp",
    "solve_paths",
    "sweep_entries",
]
