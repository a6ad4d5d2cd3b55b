"""LP and MPS files, read back by programs that are not ours, and solved."""

import math
import re
from itertools import product

import numpy as np
import pytest

from mpsolve import Coupling, Group, Option, Problem, solve, verify
from mpsolve.formulate import to_lp, to_mps
from mpsolve.testing import CLASSES, random_problem
from tests.formulate.readers import READERS

WRITERS = {"lp": to_lp, "mps": to_mps}
CASES = list(product(WRITERS, READERS))


def check(problem, writer, reader, path, *, scaled=True):
    formulation = WRITERS[writer](problem, scaled=scaled)
    path.write_text(formulation.model, encoding="ascii")
    found = READERS[reader](path)
    best = solve(problem, "brute_force")
    if best.layout is None:
        assert found is None
        return False
    objective, values = found
    # CBC leaves zeros out of its answers, and names rows of the file nowhere else.
    values = {name: v for name, v in values.items() if name in set(formulation.names)}
    layout = formulation.layout(values)
    assert verify(problem, layout)
    size = 1e-9 * float(np.abs(problem.loss).sum()) + 1e-300
    assert verify(problem, layout).loss == pytest.approx(best.loss, rel=1e-9, abs=size)
    assert formulation.loss(objective) == pytest.approx(best.loss, rel=1e-6, abs=size)
    return True


@pytest.mark.parametrize(("writer", "reader"), CASES)
@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_read_back_and_solved(kind, writer, reader, tmp_path):
    rng = np.random.default_rng([51, len(kind)])
    feasible = 0
    for number in range(6):
        problem = random_problem(CLASSES[kind], rng, int(rng.integers(3, 8)))
        feasible += check(
            problem, writer, reader, tmp_path / f"problem{number}.{writer}"
        )
    assert feasible >= 3


@pytest.mark.parametrize(("writer", "reader"), CASES)
def test_the_problems_own_numbers_are_read_back(writer, reader, tmp_path):
    rng = np.random.default_rng(52)
    done = 0
    while done < 12:
        features = list(CLASSES.values())[done % len(CLASSES)]
        problem = random_problem(features, rng, 5)
        if np.abs(problem.loss).max() < 1e-3:
            continue  # what tolerances blur is what scaling is for
        if any(r.usage.max(initial=0) > 10**6 for r in problem.resources.values()):
            continue
        path = tmp_path / f"problem.{writer}"
        check(problem, writer, reader, path, scaled=False)
        done += 1


AWKWARD = [
    "e4m3",
    "1st layer",
    "conv[0]",
    "a+b",
    "a b",
    "a_b",
    "Größe",
    "layer" * 60,
    "layer" * 60 + "x",
    "free",
]


@pytest.mark.parametrize(("writer", "reader"), CASES)
def test_awkward_names_survive(writer, reader, tmp_path):
    groups = [
        Group(name, [Option("e4m3", 2.0 + i, {"r": 1}), Option("8 bit", 0.0, {"r": 2})])
        for i, name in enumerate(AWKWARD)
    ]
    problem = Problem(groups, budgets={"r": 14}, name="names\nof ünicode")
    assert check(problem, writer, reader, tmp_path / f"names.{writer}")


@pytest.mark.parametrize("writer", WRITERS)
def test_names_are_those_of_layers_and_precisions(writer):
    problem = Problem.from_arrays(
        [[1.0, 2.0]] * 2,
        {"memory": [[2, 1]] * 2},
        {"memory": (2, 3)},
        layers=["conv1", "fc"],
        precisions=["int4", "fp16"],
        inventory={"int4": 1},
        couplings=[Coupling("conv1", "fc", [[0.0, 1.0], [2.0, math.inf]])],
    )
    formulation = WRITERS[writer](problem)
    assert formulation.names[:4] == [
        "x.conv1.int4",
        "x.conv1.fp16",
        "x.fc.int4",
        "x.fc.fp16",
    ]
    assert formulation.names[4:] == [
        "y.conv1.int4.fc.int4",
        "y.conv1.int4.fc.fp16",
        "y.conv1.fp16.fc.int4",
    ]
    rows = {"one.conv1", "one.fc", "sum.memory", "count.int4", "meet.fc.fp16.conv1"}
    assert rows <= set(re.findall(r"[\w.]+", formulation.model))


@pytest.mark.parametrize("writer", WRITERS)
def test_an_empty_problem_and_one_without_a_layout_have_files(writer, tmp_path):
    for problem in (Problem([]), Problem.from_arrays([[1.0]], {"r": [[5]]}, {"r": 3})):
        text = WRITERS[writer](problem).model
        assert text.isascii()
        assert text.strip().splitlines()[-1] in ("End", "ENDATA")


def test_lines_are_short_enough_for_every_reader():
    rng = np.random.default_rng(1)
    problem = Problem.from_arrays(
        rng.random((40, 4)),
        {"memory": rng.integers(1, 10**9, (40, 4))},
        {"memory": 10**10},
        layers=[f"model.layers.{i}.self_attn.q_proj" for i in range(40)],
    )
    assert max(map(len, to_lp(problem).model.splitlines())) < 255


def test_numbers_are_read_back_as_the_same_floats():
    problem = Problem.from_arrays([[0.1, 1 / 3, 2.0**-1040]])
    text = to_mps(problem, scaled=False).model
    losses = [float(v) for v in re.findall(r"option\d loss (\S+)", text)]
    assert losses == [0.1, 1 / 3, 2.0**-1040]
