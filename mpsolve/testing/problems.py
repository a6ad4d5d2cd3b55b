"""Seeded problems of every class, small enough for every layout to be tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.methods.protocol import Method, cannot_solve
from mpsolve.model.budget import Budget
from mpsolve.model.coupling import Coupling
from mpsolve.model.group import Group, Option
from mpsolve.model.inventory import Inventory
from mpsolve.model.problem import Problem
from mpsolve.testing import structured

__all__ = ["CLASSES", "Features", "fixed_problems", "problems_for", "random_problem"]

Ints = npt.NDArray[np.int64]

#: Layouts of a generated problem: what brute force tries in a moment.
MOST_LAYOUTS = 20_000

PRECISIONS = ("int4", "int8", "fp16", "bf16")

LOSSES = ("uniform", "signed", "whole", "wide", "tiny")
USAGES = ("small", "bytes", "signed", "multiples", "decimal")


@dataclass(frozen=True)
class Features:
    """What a class of problems has.

    Attributes
    ----------
    num_budgets : int
    sides : str
        ``"upper"``, ``"lower"``, ``"both"``, ``"equal"`` or ``"any"``.
    inventory : str
        ``""``, ``"exact"``, ``"at_most"`` or ``"any"``.
    ties, fixed, couplings, forbidden, maximize : bool
        Couplings of finite losses; and pairs that may not meet.
    """

    num_budgets: int = 0
    sides: str = "upper"
    inventory: str = ""
    ties: bool = False
    fixed: bool = False
    couplings: bool = False
    forbidden: bool = False
    maximize: bool = False


#: Every class of the model, by the words of the documentation.
CLASSES = {
    "no budget": Features(),
    "one budget": Features(num_budgets=1),
    "lower side": Features(num_budgets=1, sides="lower"),
    "both sides": Features(num_budgets=1, sides="both"),
    "exact total": Features(num_budgets=1, sides="equal"),
    "several budgets": Features(num_budgets=3, sides="any"),
    "exact inventory": Features(inventory="exact"),
    "inventory at most": Features(inventory="at_most"),
    "inventory and budget": Features(num_budgets=1, inventory="any"),
    "ties": Features(num_budgets=1, ties=True),
    "fixed": Features(num_budgets=1, fixed=True),
    "maximize": Features(num_budgets=1, maximize=True),
    "couplings": Features(couplings=True),
    "forbidden pairs": Features(forbidden=True),
    "couplings and budget": Features(num_budgets=1, couplings=True, forbidden=True),
    "everything": Features(
        num_budgets=2,
        sides="any",
        inventory="any",
        ties=True,
        fixed=True,
        couplings=True,
        forbidden=True,
        maximize=True,
    ),
}

#: Problems whose structure some methods need.
STRUCTURED = (
    structured.with_inventory,
    structured.coupled,
    structured.two_options,
    structured.sortable,
    structured.convertible,
    structured.few_precisions,
    structured.bottleneck,
)


def random_problem(
    features: Features, rng: np.random.Generator, num_groups: int = 6
) -> Problem:
    """Draw a problem of a class; the same generator state gives the same problem.

    Nine of ten are feasible: what binds them is drawn around one of their layouts.

    Parameters
    ----------
    features : Features
    rng : Generator
    num_groups : int
        3 to 12.

    Returns
    -------
    Problem
        With at most 20,000 layouts.

    Examples
    --------
    >>> random_problem(CLASSES["ties"], np.random.default_rng(3), num_groups=4)
    Problem(4 groups, 16 options, resource0 <= 16, 1 ties)
    """
    most = min(4, max(2, int(MOST_LAYOUTS ** (1.0 / max(num_groups, 1)))))
    names = PRECISIONS[: int(rng.integers(2, most + 1))]
    resources = [f"resource{r}" for r in range(features.num_budgets)]
    loss_kind, usage_kind = str(rng.choice(LOSSES)), str(rng.choice(USAGES))
    is_ragged = not features.ties and rng.random() < 0.3
    groups = []
    for i in range(num_groups):
        own = [n for n in names if not is_ragged or n == names[0] or rng.random() < 0.7]
        losses = _losses(rng, loss_kind, len(own))
        usages = {name: _usages(rng, usage_kind, len(own)) for name in resources}
        options = [
            Option(name, losses[j], {r: usages[r][j] for r in resources})
            for j, name in enumerate(own)
        ]
        groups.append(Group(f"g{i}", options))
    layout = rng.integers(0, [len(g.options) for g in groups])
    constraints: dict[str, Any] = {}
    if features.ties and num_groups > 1:
        tied = np.sort(rng.choice(num_groups, min(3, num_groups), replace=False))
        layout[tied] = layout[tied[0]]
        constraints["ties"] = [[f"g{i}" for i in tied.tolist()]]
    if features.fixed:
        group = int(rng.integers(num_groups))
        option = groups[group].options[layout[group]]
        constraints["fixed"] = {f"g{group}": option.precision}
    if features.couplings or features.forbidden:
        constraints["couplings"] = _couplings(rng, features, groups, layout, loss_kind)
    if features.inventory:
        constraints["inventory"] = _inventory(rng, features.inventory, groups, layout)
    problem = Problem(
        groups, maximize=features.maximize and rng.random() < 0.7, **constraints
    )
    budgets = {
        name: _budget(rng, features.sides, problem, name, layout) for name in resources
    }
    return problem.with_budgets(budgets) if budgets else problem


def problems_for(method: Method, seed: int, count: int) -> Iterator[Problem]:
    """Yield small problems that a method can solve, of every class in its record.

    Parameters
    ----------
    method : Method
    seed : int
    count : int

    Yields
    ------
    Problem
        The fixed ones first, then generated ones of each class in turn; fewer than
        `count` where hardly any is for the method.
    """
    found = 0
    for problem in _candidates(np.random.default_rng([41, seed]), 60 * count):
        if found >= count:
            return
        if not cannot_solve(method, problem):
            found += 1
            yield problem


def _candidates(rng: np.random.Generator, count: int) -> Iterator[Problem]:
    yield from fixed_problems()
    classes = tuple(CLASSES.values())
    for number in range(count):
        if number % 2:
            yield STRUCTURED[number // 2 % len(STRUCTURED)](rng)
        else:
            features = classes[number // 2 % len(classes)]
            yield random_problem(features, rng, int(rng.integers(3, 7)))


def fixed_problems() -> Iterator[Problem]:
    """Yield the problems that generators seldom draw: empty, single, extreme, tied.

    Yields
    ------
    Problem
    """
    yield Problem([])
    yield Problem.from_arrays([[5.0]])
    yield Problem.from_arrays([[1.0, 2.0]], {"r": [[3, 1]]}, {"r": 2})
    yield Problem.from_arrays([[1.0, 2.0]], {"r": [[3, 2]]}, {"r": 1})
    yield Problem.from_arrays([[0.0, 0.0]] * 4, {"r": [[1, 2]] * 4}, {"r": (6, 7)})
    # One unit of 2^56 decides.
    big = 2**56
    usage = [[big, big + 1], [big, big + 1], [big, big + 2]]
    yield Problem.from_arrays([[1.0, 0.0]] * 3, {"r": usage}, {"r": 3 * big + 1})
    yield Problem.from_arrays(
        [[1.0, 0.0]] * 3, {"r": usage}, {"r": (3 * big + 3, None)}
    )
    # Losses that an absolute tolerance cannot tell apart.
    tiny = [[3e-9, 1e-9, 0.0], [2e-9, 5e-10, 0.0]]
    yield Problem.from_arrays(tiny, {"r": [[1, 2, 3]] * 2}, {"r": 4})
    # No multiple of 2 is between 3 and 3.
    yield Problem.from_arrays([[0.0, 1.0]] * 3, {"r": [[0, 2]] * 3}, {"r": (3, 3)})
    yield Problem.from_arrays(
        [[2.0, 1.0], [0.5, 0.0], [4.0, 0.0]],
        layers=["a", "b", "c"],
        precisions=["int4", "int8"],
        inventory={"int4": 2, "int8": 1},
    )
    yield Problem.from_arrays(
        [[0.0, 1.0], [0.0, 1.0]],
        layers=["a", "b"],
        precisions=["int4", "int8"],
        couplings=[Coupling("a", "b", [[math.inf, 0.5], [0.25, math.inf]])],
    )
    forbidden = [[math.inf, math.inf], [math.inf, math.inf]]
    yield Problem.from_arrays(
        [[0.0, 1.0], [0.0, 1.0]],
        layers=["a", "b"],
        couplings=[Coupling("a", "b", forbidden)],
    )


def _losses(rng: np.random.Generator, kind: str, size: int) -> list[float]:
    drawn: dict[str, Callable[[], npt.NDArray[Any]]] = {
        "uniform": lambda: rng.random(size),
        "signed": lambda: rng.uniform(-1.0, 1.0, size),
        "whole": lambda: rng.integers(-3, 4, size).astype(float),
        "wide": lambda: 10.0 ** rng.uniform(-6, 2, size),
        "tiny": lambda: rng.random(size) * 1e-9,
    }
    losses: list[float] = drawn[kind]().tolist()
    return losses


def _usages(rng: np.random.Generator, kind: str, size: int) -> list[int] | list[float]:
    drawn: dict[str, Callable[[], npt.NDArray[Any]]] = {
        "small": lambda: rng.integers(0, 10, size),
        "bytes": lambda: rng.integers(1, 10**9, size),
        "signed": lambda: rng.integers(-50, 50, size),
        "multiples": lambda: rng.integers(0, 20, size) * 4096 + 7,
        "decimal": lambda: np.round(rng.uniform(0.0, 10.0, size), 1),
    }
    usages: list[int] | list[float] = drawn[kind]().tolist()
    return usages


def _budget(
    rng: np.random.Generator, sides: str, problem: Problem, name: str, layout: Ints
) -> Budget:
    """Draw a budget that a layout keeps, or now and then none does."""
    resource = problem.resources[name]
    smallest, largest = problem.reachable(name)
    total = resource.value(int(resource.usage[problem.offsets[:-1] + layout].sum()))
    if rng.random() < 0.1:
        return (
            Budget(None, smallest - 1) if rng.random() < 0.5 else Budget(total, total)
        )
    if sides == "any":
        sides = str(rng.choice(["upper", "lower", "both", "equal"]))
    room = (largest - smallest) * float(rng.random()) / 4
    slack: int | float = int(room) if isinstance(total, int) else round(room, 1)
    return {
        "upper": Budget(None, total + slack),
        "lower": Budget(total - slack, None),
        "both": Budget(total - slack, total + slack),
        "equal": Budget(total, total),
    }[sides]


def _inventory(
    rng: np.random.Generator, kind: str, groups: list[Group], layout: Ints
) -> Inventory:
    chosen = [g.options[j].precision for g, j in zip(groups, layout, strict=True)]
    known = sorted({o.precision for g in groups for o in g.options})
    counts = {n: chosen.count(n) for n in known if rng.random() < 0.7}
    if kind == "any":
        kind = str(rng.choice(["exact", "at_most"]))
    if kind == "at_most":
        counts = {n: c + int(rng.integers(0, 2)) for n, c in counts.items()}
    elif rng.random() < 0.1:
        counts = {n: int(rng.integers(0, len(groups) + 1)) for n in counts}
    return Inventory(counts, exact=kind == "exact")


def _couplings(
    rng: np.random.Generator,
    features: Features,
    groups: list[Group],
    layout: Ints,
    kind: str,
) -> list[Coupling]:
    """Couple neighbours of a chain and some others; the layout's pairs may meet."""
    ends = [(i, i + 1) for i in range(len(groups) - 1)]
    ends = [pair for pair in ends if rng.random() < 0.8]
    if len(groups) > 2:
        u, v = np.sort(rng.choice(len(groups), 2, replace=False)).tolist()
        ends.append((u, v))
    couplings = []
    for u, v in ends:
        size = len(groups[u].options), len(groups[v].options)
        table = np.zeros(size)
        if features.couplings:
            table = np.reshape(_losses(rng, kind, size[0] * size[1]), size)
        if features.forbidden:
            table[rng.random(size) < 0.25] = math.inf
            if math.isinf(table[layout[u], layout[v]]):
                table[layout[u], layout[v]] = 0.0
        couplings.append(Coupling(groups[u].name, groups[v].name, table))
    return couplings
