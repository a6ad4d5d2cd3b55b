"""The method `paths` against brute force, on thousands of generated problems."""

import itertools
import math
import os
import signal
import threading
import time

import numpy as np
import pytest

import mpsolve
from mpsolve import (
    Coupling,
    Group,
    InvalidParameterError,
    Inventory,
    Layout,
    Option,
    Problem,
    Reason,
    UnsupportedProblemError,
    at_most,
    solve,
    verify,
)
from mpsolve.methods import Parameters, cannot_solve, get_method
from mpsolve.methods.choose import choose_method

GRAPHS = ("none", "chain", "tree", "skips", "random")
NUM_SEEDS = 20
PROBLEMS_A_SEED = 150


def edges_of(graph: str, num_groups: int, rng: np.random.Generator) -> list[tuple]:
    n = num_groups
    if n < 2 or graph == "none":
        return []
    if graph == "chain":
        return [(i, i + 1) for i in range(n - 1)]
    if graph == "tree":
        return [(int(rng.integers(i)), i) for i in range(1, n)]
    if graph == "skips":
        return [(i, i + 1) for i in range(n - 1)] + [
            (i, i + 2) for i in range(0, n - 2, 2)
        ]
    pairs = [rng.choice(n, 2, replace=False).tolist() for _ in range(n // 2 + 1)]
    return [(int(u), int(v)) for u, v in pairs]


def losses_of(kind: str, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    if kind == "integers":
        return rng.integers(-4, 5, shape).astype(float)
    if kind == "wide":
        return np.exp(4 * rng.normal(size=shape))
    return rng.normal(size=shape)


def random_problem(rng: np.random.Generator) -> Problem:
    """Draw a problem for brute force, with all that `paths` claims to take."""
    n = int(rng.integers(0, 7))
    scale = 10.0 ** int(rng.integers(-9, 4))
    kind = str(rng.choice(["normal", "integers", "wide"]))
    names = [f"p{j}" for j in range(4)]
    num_budgets = int(rng.integers(0, 4))
    groups = []
    for i in range(n):
        size = int(rng.integers(1, 5))
        losses = scale * losses_of(kind, (size,), rng)
        options = []
        for j in range(size):
            usage = {}
            for r in range(num_budgets):
                largest = (3, 20, 10**9)[r]
                usage[f"r{r}"] = int(
                    rng.integers(-largest if r == 1 else 0, largest + 1)
                )
            options.append(Option(names[j], float(losses[j]), usage))
        groups.append(Group(f"g{i}", options))
    sizes = [len(group.options) for group in groups]
    couplings = []
    for u, v in edges_of(str(rng.choice(GRAPHS)), n, rng):
        table = scale * losses_of(kind, (sizes[u], sizes[v]), rng)
        table[rng.random(table.shape) < 0.4] = 0.0
        table[rng.random(table.shape) < rng.choice([0.0, 0.0, 0.3])] = math.inf
        couplings.append(Coupling(f"g{u}", f"g{v}", table))
    ties = []
    if n > 2 and rng.random() < 0.4:
        ties = [[f"g{i}" for i in rng.choice(n, 2, replace=False)]]
    inventory = None
    if n and rng.random() < 0.4:
        # The counts of a layout that ignores ties: often, but not always, possible.
        chosen = [int(rng.integers(size)) for size in sizes]
        counts = {names[j]: chosen.count(j) for j in range(max(sizes))}
        if rng.random() < 0.4:
            counts.pop(names[int(rng.integers(max(sizes)))])
        inventory = Inventory(counts) if rng.random() < 0.5 else at_most(counts)
    problem = Problem(
        groups,
        couplings=couplings,
        ties=ties,
        inventory=inventory,
        fixed={"g0": "p0"} if n > 1 and rng.random() < 0.1 else None,
        maximize=bool(rng.random() < 0.2),
    )
    budgets = {}
    for name in problem.resources:
        smallest, largest = problem.merged.reachable(name)
        target = int(smallest + rng.random() * (largest - smallest))
        width = int(0.2 * rng.random() * (largest - smallest))
        sides = [
            (None, target),
            (target, None),
            (target, target),
            (target, target + width),
        ]
        budgets[name] = sides[int(rng.integers(4))]
    return problem.with_budgets(budgets) if budgets else problem


def rounding(problem: Problem, layout: Layout) -> float:
    total = float(np.abs(problem.loss[layout.flat]).sum())
    for coupling in problem.couplings:
        finite = coupling.table[np.isfinite(coupling.table)]
        total += float(np.abs(finite).max()) if finite.size else 0.0
    return 1e-12 * total


def assert_agrees(problem: Problem, **parameters: object) -> str:
    reference = solve(problem, "brute_force")
    result = solve(problem, "paths", rel_gap=0, **parameters)
    if reference.layout is None:
        assert result.reason is Reason.INFEASIBLE, problem
        return "INFEASIBLE"
    assert result.reason is Reason.OPTIMAL, (problem, result)
    assert result.layout is not None
    assert verify(problem, result.layout)
    sign = -1.0 if problem.maximize else 1.0
    allowed = rounding(problem, reference.layout)
    assert abs(result.loss - reference.loss) <= allowed, (problem, result, reference)
    assert sign * (result.bound - reference.loss) <= allowed
    return "OPTIMAL"


@pytest.mark.parametrize("seed", range(NUM_SEEDS))
def test_agrees_with_brute_force(seed):
    rng = np.random.default_rng([21, seed])
    reasons = [assert_agrees(random_problem(rng)) for _ in range(PROBLEMS_A_SEED)]
    assert min(reasons.count("OPTIMAL"), reasons.count("INFEASIBLE")) > 5


@pytest.mark.parametrize("seed", range(4))
def test_little_memory_changes_no_answer(seed):
    """Lists of labels are split then, and searched piece by piece."""
    rng = np.random.default_rng([22, seed])
    for _ in range(50):
        assert_agrees(random_problem(rng), memory_limit=200_000)


def conversions(counts: dict[str, int], source: int | None = None) -> Problem:
    """The chain of the paper's examples: a conversion to less precision costs s * e."""
    errors = {"fp16": 1e-3, "fp32": 1e-7, "fp64": 1e-16}
    sensitivity = [0.5, 2.0, 1.0, 0.1, 3.0] if source is None else [10.0, 1.0]
    names = list(counts)
    order = sorted(names, key=lambda name: -errors[name])
    groups = []
    for i in range(len(sensitivity)):
        first = i == 0 and source is not None
        options = [
            Option(
                name,
                sensitivity[i] * errors[name]
                if first and order.index(name) < source
                else 0,
            )
            for name in order
        ]
        groups.append(Group(f"layer{i}", options))
    couplings = []
    for i in range(1, len(sensitivity)):
        table = [
            [
                sensitivity[i] * errors[b] if errors[b] > errors[a] else 0.0
                for b in order
            ]
            for a in order
        ]
        couplings.append(Coupling(f"layer{i - 1}", f"layer{i}", table))
    return Problem(groups, couplings=couplings, inventory=counts)


def test_rising_precision_has_no_conversion_loss():
    problem = conversions({"fp16": 2, "fp32": 2, "fp64": 1})
    result = solve(problem, "paths")
    assert (result.reason, result.loss) == ("OPTIMAL", 0.0)
    assert list(result.layout.values()) == ["fp16", "fp16", "fp32", "fp32", "fp64"]
    falling_names = ["fp16", "fp32", "fp16", "fp64", "fp32"]
    falling = Layout.from_names(
        problem, dict(zip(problem.layers, falling_names, strict=True))
    )
    assert verify(problem, falling).loss == pytest.approx(1e-3 + 3e-7, rel=1e-12)


def test_a_fine_source_changes_the_order():
    result = solve(conversions({"fp16": 1, "fp32": 1}, source=1), "paths")
    assert list(result.layout.values()) == ["fp32", "fp16"]
    assert result.loss == pytest.approx(1e-3, rel=1e-12)


def test_types_that_do_not_hold_each_other_always_pay():
    problem = Problem(
        [
            Group(f"layer{i}", [Option("fp16", 0.0), Option("bf16", 0.0)])
            for i in range(2)
        ],
        couplings=[Coupling("layer0", "layer1", [[0.0, 2e-3], [1e-3, 0.0]])],
        inventory={"fp16": 1, "bf16": 1},
    )
    result = solve(problem, "paths")
    assert (result.reason, result.loss) == ("OPTIMAL", 1e-3)
    assert list(result.layout.values()) == ["bf16", "fp16"]


def test_sorting_solves_an_inventory_of_rank_one():
    sensitivity = np.array([0.5, 2.0, 1.0, 0.1, 3.0])
    problem = Problem.from_arrays(
        sensitivity[:, None] * [1e-3, 1e-7, 1e-16],
        precisions=["fp16", "fp32", "fp64"],
        inventory={"fp16": 2, "fp32": 2, "fp64": 1},
    )
    result = solve(problem, "paths", rel_gap=0)
    assert list(result.layout.values()) == ["fp16", "fp32", "fp32", "fp16", "fp64"]
    assert result.loss == pytest.approx(6e-4 + 3e-7 + 3e-16, rel=1e-12)


def test_couplings_of_ties_add_up():
    """Those inside a tie are losses of its options; those to others share a table."""
    options = [Option("a", 0.0), Option("b", 0.0)]
    problem = Problem(
        [Group(name, options) for name in "uvw"],
        ties=[["u", "v"]],
        couplings=[
            Coupling("u", "v", [[1.0, 9.0], [9.0, math.inf]]),
            Coupling("w", "u", [[1.0, 2.0], [3.0, 4.0]]),
            Coupling("v", "w", [[10.0, 20.0], [30.0, 40.0]]),
        ],
    )
    pairs = problem.merged.pairs
    assert pairs.loss.tolist() == [1.0, math.inf, 0.0, 0.0]
    assert list(pairs.tables) == [(0, 1)]
    assert pairs.tables[0, 1].tolist() == [[11.0, 23.0], [32.0, 44.0]]
    assert solve(problem, "paths").loss == 12.0


def test_contradicting_counts_are_infeasible():
    problem = Problem.from_arrays(
        np.zeros((3, 2)), inventory={"option0": 1, "option1": 1}
    )
    assert solve(problem, "paths").reason is Reason.INFEASIBLE


def hard_problem(num_groups: int = 60) -> Problem:
    """Three budgets that pull apart; far beyond a fraction of a second."""
    rng = np.random.default_rng(3)
    shape = (num_groups, 10)
    usage = {f"r{r}": rng.integers(1, 100, shape) for r in range(5)}
    loss = -sum(usage.values()) - rng.integers(0, 20, shape)
    budgets = {
        name: int(table.mean(axis=1).sum() * 0.9) for name, table in usage.items()
    }
    return Problem.from_arrays(loss.astype(float), usage, budgets)


def assert_stopped(result, limit: str) -> None:
    assert (result.reason, result.limit) == (Reason.FEASIBLE, limit)
    assert result.bound <= result.loss


def test_time_limit():
    start = time.perf_counter()
    assert_stopped(solve(hard_problem(), "paths", time_limit=0.3), "TIME")
    assert time.perf_counter() - start < 2.0


def test_label_limit():
    assert_stopped(solve(hard_problem(), "paths", node_limit=50_000), "NODE")


def test_interrupt():
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        assert_stopped(solve(hard_problem(), "paths", time_limit=20.0), "INTERRUPTED")
    finally:
        timer.cancel()


def test_hint_is_kept_without_time():
    problem = hard_problem()
    first = solve(problem, "paths", node_limit=50_000)
    again = solve(problem, "paths", hint=first.layout, node_limit=1)
    assert again.loss <= first.loss


def test_progress_is_told():
    calls = []
    solve(
        hard_problem(),
        "paths",
        time_limit=0.4,
        progress=lambda *args: calls.append(args),
    )
    assert calls
    loss, bound, labels = calls[-1]
    assert loss is None or loss >= bound
    assert labels >= 0


def test_the_same_problem_has_the_same_answer():
    problem = hard_problem(20)
    first, second = (solve(problem, "paths", node_limit=200_000) for _ in range(2))
    assert first.loss == second.loss
    assert dict(first.layout) == dict(second.layout)
    assert first.bound == second.bound


def test_couplings_that_are_too_wide_are_refused():
    n = 24
    problem = Problem.from_arrays(
        np.zeros((n, 4)),
        couplings=[
            Coupling(f"layer{i}", f"layer{j}", np.ones((4, 4)))
            for i in range(n)
            for j in range(i)
        ],
    )
    with pytest.raises(UnsupportedProblemError, match="24 groups at a time"):
        solve(problem, "paths")


def test_unknown_parameters_are_refused():
    with pytest.raises(InvalidParameterError, match="threads"):
        solve(Problem.from_arrays([[0.0]]), "paths", threads=2)


def dense(num_groups, seed=0):
    """Every pair of groups is coupled."""
    rng = np.random.default_rng(seed)
    layers = [f"l{i}" for i in range(num_groups)]
    return mpsolve.Problem.from_arrays(
        rng.random((num_groups, 4)),
        layers=layers,
        couplings=[
            mpsolve.Coupling(u, v, rng.random((4, 4)))
            for u, v in itertools.combinations(layers, 2)
        ],
    )


def test_auto_passes_over_paths_where_couplings_are_too_wide():
    parameters = Parameters()
    assert not cannot_solve(get_method("paths"), dense(8))
    assert mpsolve.solve(dense(8)).method == "paths"
    wide = dense(16)
    said = cannot_solve(get_method("paths"), wide)
    assert len(said) == 1
    assert "16 groups at a time" in said[0] or "15 groups at a time" in said[0]
    with pytest.raises(mpsolve.UnsupportedProblemError, match="groups at a time"):
        mpsolve.solve(wide, "paths")
    try:
        chosen = choose_method(wide, parameters).name
    except mpsolve.UnsupportedProblemError as error:
        chosen = str(error)  # nothing else is installed
        assert "groups at a time" in chosen
    assert chosen != "paths"


def test_groups_without_a_choice_make_nothing_wide():
    fixed = {f"l{i}": "option0" for i in range(10)}
    problem = dense(16).with_constraints(fixed=fixed)
    assert not cannot_solve(get_method("paths"), problem)
    assert mpsolve.solve(problem).reason == "OPTIMAL"
