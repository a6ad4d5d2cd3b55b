"""Problem files by the suffix of their names."""

from __future__ import annotations

from os import PathLike

from mpsolve.errors import InvalidParameterError
from mpsolve.io.files import read_bytes, write_bytes
from mpsolve.io.problem_json import decode_problem, encode_problem
from mpsolve.model.problem import Problem

__all__ = ["SUFFIXES", "load_problem", "save_problem"]

#: What the name of a problem file may end in.
SUFFIXES = (".json", ".csv", ".json.gz", ".csv.gz")


def load_problem(path: str | PathLike[str]) -> Problem:
    """Read a problem from a JSON or CSV file.

    Parameters
    ----------
    path : str or PathLike
        Ends in one of `SUFFIXES`.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault of the file: where, the value, and what is allowed.
    InvalidParameterError
        If the name has another suffix.
    FileNotFoundError
        If there is no such file.
    """
    is_csv = _is_csv(path)
    data = read_bytes(path)
    if not is_csv:
        return decode_problem(data, str(path))
    from mpsolve.io.problem_csv import decode_csv

    return decode_csv(data, str(path))


def save_problem(problem: Problem, path: str | PathLike[str]) -> None:
    """Write a problem to a JSON or CSV file, complete or not at all.

    Parameters
    ----------
    problem : Problem
    path : str or PathLike
        Ends in one of `SUFFIXES`.

    Raises
    ------
    InvalidProblemError
        If the problem has no groups, or a CSV table cannot hold what it has.
    InvalidParameterError
        If the name has another suffix.

    Examples
    --------
    >>> import mpsolve, tempfile, pathlib
    >>> problem = mpsolve.Problem.from_arrays([[0.3, 0.1]], {"memory": [[1, 2]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "problem.json")
    ...     save_problem(problem, path)
    ...     load_problem(path) == problem
    True
    """
    if _is_csv(path):
        from mpsolve.io.problem_csv import encode_csv

        data = encode_csv(problem)
    else:
        data = encode_problem(problem)
    write_bytes(path, data)


def _is_csv(path: str | PathLike[str]) -> bool:
    name = str(path).lower()
    if not name.endswith(SUFFIXES):
        allowed = ", ".join(SUFFIXES)
        msg = f"the name of a problem file must end in {allowed}. Got {str(path)!r}"
        raise InvalidParameterError(msg)
    return name.removesuffix(".gz").endswith(".csv")
