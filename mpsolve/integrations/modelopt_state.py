"""What ModelOpt's `auto_quantize` measured, as a problem, and a layout handed back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.integrations.tables import proven, ragged_problem, unique_names
from mpsolve.model.problem import BudgetLike, Problem
from mpsolve.result import Result

__all__ = ["Choice", "choices", "problem", "resolve"]

#: ModelOpt's costs are weights times this share of an uncompressed one.
UNCOMPRESSED_BITS = 16

#: What it appends to the name of a module to name the decision about it.
DECISION = ".quant_recipe"


@dataclass(frozen=True)
class Choice:
    """What a layout gives one decision of ModelOpt.

    Attributes
    ----------
    name : str
        The key in ``candidate_stats``.
    modules : tuple of str
        The modules that it decides, which are fused or tied.
    position : int
        Of the option in the state's lists.
    """

    name: str
    modules: tuple[str, ...]
    position: int


def problem(
    state: Mapping[str, Any],
    effective_bits: float | None = None,
    *,
    budgets: Mapping[str, BudgetLike] | None = None,
) -> Problem:
    """Return the problem that `auto_quantize` solved, from the state it returns.

    Groups are ModelOpt's decisions, each about one module or several that it ties
    (query, key and value; gate and up; the experts of a layer).

    Parameters
    ----------
    state : mapping
        The second value that ``mtq.auto_quantize`` returns, or its checkpoint.
    effective_bits : float, optional
        The budget, in bits for each weight, as ModelOpt counts them. Where it is not
        given, that of the state.
    budgets : mapping, optional
        Budgets instead, on ``"memory"`` in ModelOpt's unit: weights × bits / 16.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With everything that the state lacks.

    Examples
    --------
    >>> entry = {"formats": ["INT4", "INT8"], "scores": [1e-7, 1e-9],
    ...          "costs": [256.0, 512.0], "module_names": ["fc"]}
    >>> state = {"candidate_stats": {"fc.quant_recipe": entry},
    ...          "cost_denominator": 1024.0}
    >>> problem(state, effective_bits=4.0)
    Problem(1 groups, 2 options, memory <= 256.0)
    """
    stats = _stats(state)
    if budgets is None:
        bits = effective_bits
        if bits is None:
            bits = _asked_bits(state)
        if bits is not None:
            total = _denominator(state, stats)
            budgets = {"memory": total * (bits / UNCOMPRESSED_BITS)}
    return ragged_problem(
        [_layer(name) for name in stats],
        [unique_names(map(_format_name, entry["formats"])) for entry in stats.values()],
        [list(map(float, entry["scores"])) for entry in stats.values()],
        {"memory": [list(map(float, entry["costs"])) for entry in stats.values()]},
        budgets,
        units={"memory": "weights × bits / 16"},
        source="ModelOpt auto_quantize",
    )


def choices(state: Mapping[str, Any], layout: Mapping[str, str]) -> list[Choice]:
    """Return what a layout means in ModelOpt's own terms.

    Parameters
    ----------
    state : mapping
        As for `problem`.
    layout : mapping of str to str
        A layout of its problem.

    Returns
    -------
    list of Choice
        In the state's order.

    Raises
    ------
    InvalidLayoutError
        If it is not a layout of that problem.
    """
    from mpsolve.model.layout import Layout

    stats = _stats(state)
    found = Layout.from_names(problem(state, budgets={}), layout).choices.tolist()
    return [
        Choice(name, tuple(entry.get("module_names", (_layer(name),))), position)
        for (name, entry), position in zip(stats.items(), found, strict=True)
    ]


def resolve(
    state: dict[str, Any], effective_bits: float | None = None
) -> tuple[Result, dict[str, Any]]:
    """Solve the state's problem again, and hand the layout back to ModelOpt.

    Scores are not measured again. No part of ModelOpt is replaced.

    Parameters
    ----------
    state : dict
        As for `problem`; it is not changed.
    effective_bits : float, optional
        As for `problem`.

    Returns
    -------
    result : Result
        Proven, and verified.
    state : dict
        A copy whose ``best`` is the layout, for ``mtq.get_auto_quantize_config``.

    Raises
    ------
    InvalidProblemError
        With everything that the state lacks.
    NoLayoutError
        If no layout is within the budget.
    """
    result, layout = proven(problem(state, effective_bits))
    stats = _stats(state)
    recipe = {
        choice.name: stats[choice.name]["formats"][choice.position]
        for choice in choices(state, layout)
    }
    best = {**state.get("best", {}), "recipe": recipe, "score": result.loss}
    best["is_satisfied"] = True
    return result, {**state, "best": best}


def _stats(state: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    stats = state.get("candidate_stats") if isinstance(state, Mapping) else None
    if not stats:
        message = "is missing or empty; it must be the state that auto_quantize returns"
        raise InvalidProblemError([Fault("candidate_stats", message)])
    faults = []
    for name, entry in stats.items():
        place = f"candidate_stats[{name!r}]"
        lengths = {}
        for key in ("formats", "scores", "costs"):
            if key not in entry:
                faults.append(Fault(f"{place}[{key!r}]", "is missing"))
            else:
                lengths[key] = len(entry[key])
        if len(set(lengths.values())) > 1:
            faults.append(
                Fault(place, f"its lists must be equally long. Got {lengths}")
            )
    if faults:
        raise InvalidProblemError(faults)
    checked: Mapping[str, Mapping[str, Any]] = stats
    return checked


def _asked_bits(state: Mapping[str, Any]) -> float | None:
    asked = state.get("constraints") or state.get("best", {}).get("constraints") or {}
    bits = asked.get("effective_bits") if isinstance(asked, Mapping) else None
    return None if bits is None else float(bits)


def _denominator(
    state: Mapping[str, Any], stats: Mapping[str, Mapping[str, Any]]
) -> float:
    given = state.get("cost_denominator")
    if given:
        return float(given)
    return float(
        sum(
            entry.get("uncompressed_cost", max(entry["costs"]))
            for entry in stats.values()
        )
    )


def _layer(name: str) -> str:
    return name.removesuffix(DECISION)


def _format_name(recipe: Any) -> str:
    """Return ``INT4_…_CFG`` of ``INT4_…_CFG(effective-bits: 4.0)``."""
    return re.sub(r"\(effective-bits: [^)]*\)$", "", str(recipe))
