"""Generated problems: seeded ones for long loops, and strategies for hypothesis.

Both draw the same shapes, through `random_problem`, whose every decision comes from a
NumPy generator; `problems` lets hypothesis choose the decisions one by one instead, so
that it can shrink them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from hypothesis import strategies as st

from mpsolve import Budget, Coupling, Group, Inventory, Option, Problem

LOSSES = ("uniform", "signed", "tied", "wide", "tiny", "huge", "close", "zero")
USAGES = (
    "small",
    "bytes",
    "signed",
    "zero",
    "equal",
    "multiples",
    "near_2_62",
    "decimal",
    "binary",
)
BUDGETS = ("upper", "tight", "lower", "both", "equal", "open", "none", "infeasible")
EXTRAS = ("plain", "ties", "overlapping_ties", "fixed", "ties_and_fixed")


@dataclass(frozen=True)
class Shape:
    """What a generated problem is like."""

    loss: str = "uniform"
    usage: str = "small"
    budget: str = "upper"
    extra: str = "plain"
    is_ragged: bool = False
    maximize: bool = False
    num_resources: int = 1
    inventory: str = ""
    num_couplings: int = 0


#: Every pair of losses and usages, of usages and budgets, and of budgets and extras.
SHAPES = tuple(
    [Shape(loss=a, usage=b) for a, b in product(LOSSES, USAGES)]
    + [Shape(usage=a, budget=b) for a, b in product(USAGES, BUDGETS)]
    + [Shape(budget=a, extra=b) for a, b in product(BUDGETS, EXTRAS)]
)


def random_shape(rng: np.random.Generator, **fixed: object) -> Shape:
    """Draw a shape for a problem of one budget; `fixed` fields are kept."""
    drawn = {
        "loss": str(rng.choice(LOSSES)),
        "usage": str(rng.choice(USAGES)),
        "budget": str(rng.choice(BUDGETS)),
        "extra": str(rng.choice(EXTRAS)),
        "is_ragged": bool(rng.random() < 0.5),
        "maximize": bool(rng.random() < 0.25),
    }
    return Shape(**{**drawn, **fixed})  # type: ignore[arg-type]


def random_problem(
    rng: np.random.Generator, shape: Shape, num_groups: int, max_options: int = 4
) -> Problem:
    """Draw a problem of a shape; the same generator state gives the same problem."""
    sizes = (
        rng.integers(1, max_options + 1, num_groups)
        if shape.is_ragged
        else np.full(num_groups, max_options)
    )
    resources = [f"resource{r}" for r in range(shape.num_resources)]
    groups = []
    for i, size in enumerate(sizes.tolist()):
        losses = random_losses(rng, shape.loss, size)
        usages = {
            name: random_usages(rng, shape.usage, size, num_groups)
            for name in resources
        }
        options = [
            Option(f"p{j}", losses[j], {name: usages[name][j] for name in resources})
            for j in range(size)
        ]
        groups.append(Group(f"g{i}", options))
    constraints = _random_constraints(rng, shape, groups)
    problem = Problem(groups, maximize=shape.maximize, **constraints)
    if shape.budget == "none" or not groups:
        return problem
    return problem.with_budgets(
        {name: random_budget(rng, shape.budget, problem, name) for name in resources}
    )


def random_losses(rng: np.random.Generator, kind: str, size: int) -> list[float]:
    values = {
        "uniform": lambda: rng.random(size),
        "signed": lambda: rng.uniform(-1.0, 1.0, size),
        "tied": lambda: rng.integers(-2, 3, size).astype(float),
        "wide": lambda: 10.0 ** rng.uniform(-9, 3, size),
        "tiny": lambda: rng.random(size) * 1e-30,
        "huge": lambda: rng.uniform(-1.0, 1.0, size) * 1e100,
        "close": lambda: 1.0 + 1e-9 * rng.integers(0, 1000, size),
        "zero": lambda: np.zeros(size),
    }
    return values[kind]().tolist()


def random_usages(
    rng: np.random.Generator, kind: str, size: int, num_groups: int
) -> list[int] | list[float]:
    largest = (2**62 - 1) // max(num_groups, 1)
    values = {
        "small": lambda: rng.integers(0, 10, size),
        "bytes": lambda: rng.integers(0, 10**10, size),
        "signed": lambda: rng.integers(-50, 50, size),
        "zero": lambda: rng.integers(0, 3, size) // 2,
        "equal": lambda: np.full(size, rng.integers(-5, 6)),
        "multiples": lambda: rng.integers(0, 20, size) * 4096 + 7,
        "near_2_62": lambda: rng.integers(-largest, largest, size, endpoint=True),
        "decimal": lambda: np.round(rng.uniform(-2.0, 10.0, size), 1),
        "binary": lambda: rng.uniform(0.0, 1.0, size) ** 3,
    }
    return values[kind]().tolist()


def random_budget(
    rng: np.random.Generator, kind: str, problem: Problem, resource: str
) -> Budget:
    """Draw a budget between the totals that the problem's layouts can have."""
    smallest, largest = problem.reachable(resource)

    def between() -> int | float:
        if isinstance(smallest, int) and isinstance(largest, int):
            return smallest + int((largest - smallest) * float(rng.random()))
        return round(smallest + (largest - smallest) * float(rng.random()), 1)

    low, high = sorted((between(), between()))
    step = 1 if isinstance(smallest, int) else 0.1
    if kind == "equal" and rng.random() < 0.8:
        low = _some_total(rng, problem, resource)
    return {
        "upper": Budget(None, high),
        "tight": Budget(None, smallest),
        "lower": Budget(low, None),
        "both": Budget(low, high),
        "equal": Budget(low, low),
        "open": Budget(None, None),
        "infeasible": Budget(None, smallest - step)
        if rng.random() < 0.5
        else Budget(largest + step, None),
    }[kind]


def _some_total(
    rng: np.random.Generator, problem: Problem, resource: str
) -> int | float:
    merged = problem.merged
    chosen = merged.offsets[:-1] + rng.integers(0, np.diff(merged.offsets))
    return problem.resources[resource].value(
        sum(merged.usage[resource][chosen].tolist())
    )


def _random_constraints(
    rng: np.random.Generator, shape: Shape, groups: list[Group]
) -> dict[str, object]:
    names = [group.name for group in groups]
    constraints: dict[str, object] = {}
    if len(groups) > 1 and "ties" in shape.extra:
        ties = [[str(n) for n in rng.choice(names, 2, replace=False)]]
        if "overlapping" in shape.extra:
            ties.append([str(n) for n in rng.choice(names, 2, replace=False)])
        constraints["ties"] = ties
    if groups and "fixed" in shape.extra:
        # Every group has the first option, so a fixed one never contradicts a tie.
        constraints["fixed"] = {str(rng.choice(names)): "p0"}
    if groups and shape.inventory:
        known = sorted({o.precision for g in groups for o in g.options})
        counts = {
            name: int(rng.integers(0, len(groups) + 1))
            for name in known
            if rng.random() < 0.6
        }
        constraints["inventory"] = Inventory(counts, exact=shape.inventory == "exact")
    if len(groups) > 1:
        couplings = []
        for _ in range(shape.num_couplings):
            u, v = rng.choice(len(groups), 2, replace=False).tolist()
            sizes = len(groups[u].options), len(groups[v].options)
            table = rng.uniform(-1.0, 1.0, sizes)
            table[rng.random(sizes) < 0.2] = np.inf
            couplings.append(Coupling(names[u], names[v], table))
        constraints["couplings"] = couplings
    return constraints


# -- hypothesis -----------------------------------------------------------------------

#: Beside losses of a million, those below 1e-30 are nothing that sums can tell apart.
finite_losses = st.one_of(
    st.floats(-1e6, 1e6).map(lambda loss: loss if abs(loss) > 1e-30 else 0.0),
    st.integers(-3, 3).map(float),
    st.sampled_from([0.0, 1e-12, 1.0, 1.0 + 1e-12, 1e12, -1e12]),
)
int_usages = st.one_of(
    st.integers(-5, 5),
    st.integers(0, 10**9),
    st.sampled_from([0, 2**40, 2**58, -(2**58)]),
)
decimal_usages = st.integers(-100, 100).map(lambda tenths: tenths / 10)
binary_usages = st.floats(-1e6, 1e6)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    usages: st.SearchStrategy[int] | st.SearchStrategy[float] = int_usages,
    max_groups: int = 5,
    max_options: int = 4,
    num_budgets: int = 1,
    inventory: bool = False,
    couplings: bool = False,
) -> Problem:
    """Problems that brute force can solve, one decision of hypothesis at a time."""
    num_groups = draw(st.integers(0, max_groups))
    resources = [f"resource{r}" for r in range(num_budgets)]
    groups = []
    for i in range(num_groups):
        options = [
            Option(
                f"p{j}", draw(finite_losses), {name: draw(usages) for name in resources}
            )
            for j in range(draw(st.integers(1, max_options)))
        ]
        groups.append(Group(f"g{i}", options))
    names = [group.name for group in groups]
    some_names = st.lists(st.sampled_from(names or ["none"]), max_size=3)
    constraints: dict[str, object] = {}
    if groups:
        constraints["ties"] = draw(st.lists(some_names, max_size=2))
        constraints["fixed"] = dict.fromkeys(draw(some_names), "p0")
        if inventory:
            counts = draw(
                st.dictionaries(st.just("p0"), st.integers(0, num_groups), min_size=1)
            )
            constraints["inventory"] = Inventory(counts, exact=draw(st.booleans()))
    if couplings and num_groups > 1:
        u, v = draw(st.permutations(range(num_groups)))[:2]
        sizes = len(groups[u].options), len(groups[v].options)
        losses = st.one_of(st.floats(-10, 10), st.just(float("inf")))
        table = [[draw(losses) for _ in range(sizes[1])] for _ in range(sizes[0])]
        constraints["couplings"] = [Coupling(names[u], names[v], table)]
    problem = Problem(groups, maximize=draw(st.booleans()), **constraints)
    if not groups:
        return problem
    return problem.with_budgets(
        {name: draw(budgets(problem, name)) for name in resources}
    )


@st.composite
def budgets(draw: st.DrawFn, problem: Problem, resource: str) -> Budget:
    """Budgets in and around the totals that the problem's layouts can have."""
    smallest, largest = problem.reachable(resource)
    if isinstance(smallest, int) and isinstance(largest, int):
        side = st.one_of(
            st.none(), st.integers(smallest - 1, largest + 1), st.just(smallest)
        )
    else:
        side = st.one_of(st.none(), st.floats(smallest - 1.0, largest + 1.0))
    low, high = draw(side), draw(side)
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Budget(low, high)
