"""Names of columns and rows: those of layers and precisions, as far as formats allow.

LP files end a name at most signs, and read ``e4m3`` as an exponent; so every name gets
a letter and a dot in front, and what is not a letter, digit, dot or underscore becomes
an underscore. Names that meet by that are told apart by a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from mpsolve.formulate.linear import LinearModel
from mpsolve.formulate.program import Program
from mpsolve.formulate.rows import named_rows

__all__ = ["column_names", "row_names"]

#: CBC takes no names above 100 in LP files, and crashes on much longer ones in MPS
#: files; this leaves room for a number.
LONGEST = 92

FORBIDDEN = re.compile(r"[^A-Za-z0-9_.]")


def column_names(program: Program) -> list[str]:
    """Return a name for each column: ``x.layer.precision``, ``y.u.p.v.q`` for pairs.

    A merged group is named after its first layer.

    Parameters
    ----------
    program : Program

    Returns
    -------
    list of str

    Examples
    --------
    >>> import mpsolve
    >>> from mpsolve.formulate.program import make_program
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 1], [1, 0]], layers=["conv 1", "fc"], precisions=["e4m3", "fp16"])
    >>> column_names(make_program(problem.merged))
    ['x.conv_1.e4m3', 'x.conv_1.fp16', 'x.fc.e4m3', 'x.fc.fp16']
    """
    return _unique(_column_names(program))


def row_names(model: LinearModel, *, is_plain: bool) -> list[str]:
    """Return a name for each row.

    ``one.layer`` chooses an option, ``sum.resource`` is a budget, ``count.precision``
    an inventory, and ``meet.u.p.v`` the marginal row of a coupling.

    Parameters
    ----------
    model : LinearModel
    is_plain : bool
        Whether all budgets are rows, or only those that can be broken.

    Returns
    -------
    list of str
    """
    program = model.program
    layers, options = _layers(program), _options(program)
    names = [f"one.{layer}" for layer in layers]
    if is_plain:
        names += [name for name, _, _ in named_rows(program.merged)]
    else:
        names += [row.name for row in program.rows]
    for pair in program.pairs:
        ends = (pair.first, pair.second)
        for own, other in (ends, ends[::-1]):
            names += [f"meet.{layers[own]}.{p}.{layers[other]}" for p in options[own]]
    names += [f"cover.{number}" for number in range(len(model.covers))]
    return _unique(names)


def _column_names(program: Program) -> Iterator[str]:
    layers, options = _layers(program), _options(program)
    for layer, names in zip(layers, options, strict=True):
        yield from (f"x.{layer}.{name}" for name in names)
    for pair in program.pairs:
        u, v = pair.first, pair.second
        for j, k in zip(pair.rows.tolist(), pair.columns.tolist(), strict=True):
            yield f"y.{layers[u]}.{options[u][j]}.{layers[v]}.{options[v][k]}"


def _layers(program: Program) -> list[str]:
    merged = program.merged
    names = merged.problem.layers
    roots = range(len(names)) if merged.roots is None else merged.roots.tolist()
    return [names[root] for root in roots]


def _options(program: Program) -> list[list[str]]:
    merged = program.merged
    precisions, codes = merged.problem.precisions, merged.codes.tolist()
    return [
        [precisions[code] for code in codes[first:last]]
        for first, last in pairwise(program.offsets.tolist())
    ]


def _unique(names: Iterable[str]) -> list[str]:
    used: dict[str, int] = {}
    unique = []
    for name in names:
        safe = FORBIDDEN.sub("_", name)
        if len(safe) > LONGEST:
            # The middle goes: a layer's name ends with what tells it apart.
            safe = f"{safe[: LONGEST // 3]}...{safe[3 - 2 * LONGEST // 3 :]}"
        candidate = safe
        while candidate in used:
            used[safe] += 1
            candidate = f"{safe}_{used[safe]}"
        used.setdefault(candidate, 1)
        unique.append(candidate)
    return unique
