"""Real layout problems and published classes, against their proven optima."""

import csv
import json
import math
import time

import pytest

import mpsolve
from mpsolve import Problem, instances
from tests.conftest import SHARED, shared_folder

pytestmark = pytest.mark.needs_shared

LAYOUTS = sorted(path.stem for path in SHARED.glob("instances/layouts/*.json"))
CLASSES = sorted(path.stem for path in SHARED.glob("instances/mckp/classes/*.txt"))


def read_layout_problem(name):
    path = shared_folder("instances/layouts") / f"{name}.json"
    return instances.read(path), json.loads(path.read_text())["reference"]


def best_of_three(problem, **parameters):
    """Solve three times; return the result, and the shortest time of a whole call."""
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        result = mpsolve.solve(problem, **parameters)
        best = min(best, time.perf_counter() - start)
    return result, best


def test_all_instances_are_there():
    shared_folder("instances/layouts")
    assert len(LAYOUTS) == 53
    assert len(CLASSES) == len(read_optima())


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_proven_at_the_reference_or_below(name):
    problem, reference = read_layout_problem(name)
    assert reference["proven"]
    if len(problem.budgets) > 1:
        result = mpsolve.solve(problem)
    else:
        result, seconds = best_of_three(problem, method="exact")
        assert seconds < 0.050
    assert result.reason == "OPTIMAL"
    rounding = 1e-12 * sum(abs(x) for x in problem.loss[result.layout.flat].tolist())
    assert result.loss <= reference["loss"] + rounding
    # The reference is optimal, so nothing may be much below it either.
    assert result.loss >= reference["loss"] * (1 - 1e-9) - rounding
    assert mpsolve.verify(problem, result.layout)
    for tie in problem.ties:
        assert len({result.layout[problem.layers[i]] for i in tie}) == 1


def read_optima():
    path = shared_folder("instances/mckp") / "optima.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: float(row["optimum"]) for row in csv.DictReader(file)}
    return {
        file.removeprefix("classes/").removesuffix(".txt"): optimum
        for file, optimum in rows.items()
        if file.startswith("classes/") and (path.parent / file).exists()
    }


def read_class(name):
    path = shared_folder("instances/mckp/classes") / f"{name}.txt"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    num_groups, capacity = map(int, head.split())
    pairs = [[p.split(",") for p in line.split()[1:]] for line in lines if line.strip()]
    assert len(pairs) == num_groups
    return Problem.from_arrays(
        [[int(profit) for profit, _ in row] for row in pairs],
        {"weight": [[int(weight) for _, weight in row] for row in pairs]},
        {"weight": capacity},
        maximize=True,
    )


@pytest.mark.parametrize("name", CLASSES)
def test_published_classes_are_solved_to_their_optima(name):
    problem = read_class(name)
    result = mpsolve.solve(problem, "exact", rel_gap=0)
    assert result.reason == "OPTIMAL"
    assert result.loss == read_optima()[name]
    assert result.gap <= 1e-12
    assert result.usage["weight"] <= problem.budgets["weight"].upper
    assert result.time < 10.0
