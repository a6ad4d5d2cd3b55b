"""Ways to lay out an inventory of types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import mpsolve
from benchmarks.paper.datatypes.problem3 import Problem3

__all__ = ["ARMS", "Choice", "choose", "random_layout", "why_algorithm_2"]

#: Names of the arms in the order of the tables, and what each one is.
ARMS = {
    "algorithm 2": "types sorted by error, coarse first, along the order of execution",
    "algorithm 1": "layers sorted by the norm of the input's gradient",
    "exact, separate": (
        "mpsolve on every layer's measured loss when it alone is cast: conversions are "
        "not known"
    ),
    "exact, conversions": "mpsolve on Problem 3: conversion losses alone",
    "exact, both": "mpsolve on conversion losses and the layers' own losses",
}


@dataclass(frozen=True)
class Choice:
    """A layout and what mpsolve says of it.

    Attributes
    ----------
    layout : dict of str to str
        Type of each layer.
    method, reason, detail : str
        Of mpsolve's result; empty where it was not asked.
    bound : float or None
        Proven lower bound of what was minimised.
    """

    layout: dict[str, str]
    method: str = ""
    reason: str = ""
    detail: str = ""
    bound: float | None = None


def choose(arm: str, problem: Problem3) -> Choice:
    """Return an arm's layout.

    Parameters
    ----------
    arm : str
        A key of `ARMS`, or ``all <type>``.
    problem : Problem3
    """
    if arm.startswith("all "):
        return Choice(dict.fromkeys(problem.layers, arm.removeprefix("all ")))
    if arm == "algorithm 2":
        return Choice(_in_order(problem))
    if arm == "algorithm 1":
        return _solved(problem, problem.separate_problem(_products(problem)))
    if arm == "exact, separate":
        return _solved(problem, problem.separate_problem(problem.both))
    return _solved(problem, problem.problem(own=arm == "exact, both"))


def random_layout(problem: Problem3, seed: int) -> dict[str, str]:
    """Return a layout of the inventory, all equally likely; ties are kept."""
    rng = np.random.default_rng(seed)
    types = np.repeat(problem.types, list(problem.inventory.values()))
    while True:
        layout = {
            layer: str(kind)
            for layer, kind in zip(problem.layers, rng.permutation(types), strict=True)
        }
        if all(len({layout[layer] for layer in tie}) == 1 for tie in problem.ties):
            return layout


def why_algorithm_2(problem: Problem3) -> tuple[bool, str]:
    """Return whether Algorithm 2's assumptions hold, and mpsolve's words on it."""
    try:
        result = mpsolve.solve(problem.paper_problem(), "monotone")
    except mpsolve.UnsupportedProblemError as error:
        return False, str(error)
    return True, result.detail


def _products(problem: Problem3) -> np.ndarray:
    """Return Algorithm 1's losses: sensitivity times the type's rounding error."""
    return np.outer(problem.gradient, mpsolve.rounding_errors(problem.types))


def _in_order(problem: Problem3) -> dict[str, str]:
    """Return Algorithm 2's layout; tied layers get their type where the first runs."""
    errors = mpsolve.rounding_errors(problem.types)
    # The widest types stand first: equal errors keep the narrow one first.
    order = sorted(range(len(problem.types)), key=lambda k: (-errors[k], -k))
    left = dict(problem.inventory)
    layout: dict[str, str] = {}
    tied = {layer: tie for tie in problem.ties for layer in tie}
    for layer in problem.layers:
        if layer in layout:
            continue
        group = tied.get(layer, (layer,))
        fitting = [k for k in order if left[problem.types[k]] >= len(group)]
        kind = problem.types[fitting[0]]
        left[kind] -= len(group)
        layout.update(dict.fromkeys(group, kind))
    return layout


def _solved(problem: Problem3, asked: mpsolve.Problem) -> Choice:
    result = mpsolve.solve(asked, time_limit=120)
    layout = {layer: result.layout[layer] for layer in problem.layers}
    return Choice(
        layout, result.method, str(result.reason), result.detail, result.bound
    )
