"""AutoRound's scheme scores as a problem, and its dynamic program as a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.integrations.tables import ragged_problem
from mpsolve.integrations.versions import require_host
from mpsolve.model.merge import Merged
from mpsolve.model.problem import Problem

__all__ = ["dynamic_program", "path", "problem"]

#: An option of AutoRound: index of the scheme, bits, loss, layers that it is for.
SchemeOption = tuple[int, int, float, Sequence[str]]


def problem(
    layers: Mapping[str, Sequence[SchemeOption]],
    bits: float | None = None,
    schemes: Sequence[str] | None = None,
) -> Problem:
    """Return the problem that AutoRound's dynamic program gets.

    Parameters
    ----------
    layers : mapping of str to sequence of (scheme, bits, loss, layer names)
        ``total_scores`` of its ``AutoScheme``, or what its score cache holds.
    bits : float, optional
        Upper bound on the sum of bits.
    schemes : sequence of str, optional
        Names of the schemes, by the index in the options.

    Returns
    -------
    Problem
        Its resource is ``"bits"``.

    Raises
    ------
    InvalidProblemError
        With every option that is not of this shape.

    Examples
    --------
    >>> problem({"fc": [(0, 400, 0.2, ["fc"]), (1, 800, 0.1, ["fc"])]}, bits=500)
    Problem(1 groups, 2 options, bits <= 500)
    """
    faults = [
        Fault(
            f"layers[{layer!r}][{i}]", f"must be (scheme, bits, loss, names). Got {o!r}"
        )
        for layer, options in layers.items()
        for i, o in enumerate(options)
        if not isinstance(o, list | tuple) or len(o) != 4
    ]
    if faults:
        raise InvalidProblemError(faults)
    names = [
        [str(schemes[o[0]]) if schemes else f"scheme{o[0]}" for o in options]
        for options in layers.values()
    ]
    return ragged_problem(
        list(layers),
        names,
        [[float(o[2]) for o in options] for options in layers.values()],
        {"bits": [[int(o[1]) for o in options] for options in layers.values()]},
        None if bits is None else {"bits": bits},
        units={"bits": "bit"},
        source="AutoRound AutoScheme",
    )


def path(
    layers: Mapping[str, Sequence[SchemeOption]], choices: Sequence[int]
) -> list[tuple[Sequence[str], int]]:
    """Return choices in the way of AutoRound: (layer names, scheme) for each unit.

    Parameters
    ----------
    layers : mapping
        As for `problem`.
    choices : sequence of int
        Position of the option of each, in the same order.

    Returns
    -------
    list of (layer names, scheme)

    Examples
    --------
    >>> path({"fc": [(0, 400, 0.2, ["fc"]), (1, 800, 0.1, ["fc"])]}, [1])
    [(['fc'], 1)]
    """
    return [
        (options[j][3], options[j][0])
        for options, j in zip(layers.values(), choices, strict=True)
    ]


def dynamic_program(
    problem: Problem, *, max_states: int | None = None
) -> tuple[float, list[int]] | None:
    """Solve a problem of one upper budget with AutoRound's own function.

    For comparison: it keeps every efficient total after every layer in a Python dict.

    Parameters
    ----------
    problem : Problem
        With one budget from above and integer usages.
    max_states : int, optional
        AutoRound's beam width, after which it is a heuristic.

    Returns
    -------
    (loss, choices of the merged groups) or None
        None where it finds no layout.

    Raises
    ------
    InvalidProblemError
        If the problem has anything else than one upper budget.
    MethodUnavailableError
        If AutoRound is missing.
    """
    merged = problem.merged
    upper = [(name, limits[1]) for name, limits in merged.limits.items()]
    if (
        len(upper) != 1
        or upper[0][1] is None
        or merged.limits[upper[0][0]][0] is not None
        or problem.couplings
        or problem.inventory is not None
    ):
        message = "AutoRound's dynamic program takes one budget, from above, alone"
        raise InvalidProblemError([Fault("budgets", message)])
    return choose_merged(merged, max_states)


def choose_merged(
    merged: Merged, max_states: int | None = None
) -> tuple[float, list[int]] | None:
    """Return what AutoRound's function makes of a merged problem.

    Parameters
    ----------
    merged : Merged
        With at most one budget, from above.
    max_states : int, optional

    Returns
    -------
    (loss, choices) or None
    """
    require_host("auto-round")
    from auto_round.auto_scheme.delta_loss import choose_bits_per_layer_with_path

    loss, starts = merged.loss.tolist(), merged.offsets.tolist()
    usage, most = [0] * len(loss), 0
    for resource, (_, upper) in merged.limits.items():
        usage, most = merged.usage[resource].tolist(), upper or 0
    layers = {
        str(i): [
            (j - starts[i], usage[j], loss[j], [str(i)])
            for j in range(starts[i], starts[i + 1])
        ]
        for i in range(merged.num_groups)
    }
    best, chosen = choose_bits_per_layer_with_path(layers, most, max_states)
    return None if chosen is None else (float(best), [j for _, j in chosen])
