"""The compiled engine: proven layouts for one or several budgets."""

try:
    from mpsolve._engine._native import (
        PATHS_MEMORY,
        DenseOutcome,
        FrontOutcome,
        MckpOutcome,
        PathsOutcome,
        paths_width,
        solve_dense,
        solve_front,
        solve_many,
        solve_mckp,
        solve_paths,
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
    "PATHS_MEMORY",
    "DenseOutcome",
    "FrontOutcome",
    "MckpOutcome",
    "PathsOutcome",
    "paths_width",
    "solve_dense",
    "solve_front",
    "solve_many",
    "solve_mckp",
    "solve_paths",
]
