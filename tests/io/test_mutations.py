"""Files broken at random are read or refused with their faults; nothing else."""

import copy
import json
import random

import pytest

import mpsolve
from mpsolve import Coupling, Group, Option, Problem
from mpsolve.io.problem_csv import decode_csv
from mpsolve.io.problem_json import decode_problem, encode_problem

GROUPS = Problem(
    [
        Group("a", [Option("x", 1.0, {"memory": 3}), Option("y", 2.5, {"time": 0.1})]),
        Group("b", [Option("x", 1), Option("z", 2)]),
        Group("c", [Option("x", 0.5)]),
    ],
    budgets={"memory": (1, 3), "time": 0.25},
    ties=[["a", "c"]],
    fixed={"b": "z"},
    inventory={"x": 2},
    couplings=[Coupling("a", "b", [[0, float("inf")], [1, 2]])],
    units={"time": "ms"},
)
TABLE = Problem.from_arrays(
    [[1.0, 2], [3, 4], [5, 6]],
    {"m": [[1, 2], [3, 4], [5, 6]]},
    {"m": 9},
    layers=["a", "b", "c"],
    precisions=["x", "y"],
    ties=[["a", "b"]],
    fixed={"c": "x"},
)
CSV = b"layer,precision,loss,m [kB],t\na,x,1,2,3\na,y,1.5,2,3e3\nb,x,-1,0,1\n"

JUNK = [
    *(None, True, 0, -1, 1.5, 2**63, -(2**70), 10**400, float("nan"), float("inf")),
    *("", "a", "zz", "\ud800", [], [[]], [1], ["a", "a"], {}, {"a": 1}),
]


def places(tree, path=()):
    keys = range(len(tree)) if isinstance(tree, list) else tree
    if not isinstance(tree, dict | list):
        return
    for key in keys:
        yield (*path, key)
        yield from places(tree[key], (*path, key))


def mutate(tree, generator):
    *path, key = generator.choice(list(places(tree)))
    parent = tree
    for step in path:
        parent = parent[step]
    match generator.randrange(4):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        case 1:
            parent[f"{key}s"] = parent[key]
        case _:
            parent[key] = copy.deepcopy(generator.choice(JUNK))


def read(decode, data):
    try:
        return decode(data, "file")
    except mpsolve.InvalidProblemError as error:
        refusal = error
    assert refusal.faults
    assert refusal.where == "file"
    return None


@pytest.mark.parametrize("problem", [GROUPS, TABLE], ids=["groups", "table"])
def test_json(problem):
    generator = random.Random(0)
    for _ in range(400):
        tree = json.loads(encode_problem(problem))
        for _ in range(generator.choice([1, 1, 2, 3])):
            mutate(tree, generator)
        again = read(decode_problem, json.dumps(tree).encode())
        assert again is None or decode_problem(encode_problem(again)) == again


def test_csv():
    generator = random.Random(0)
    pieces = [b"", b",", b"\n", b'"', b"x", b"nan", b"9" * 30, b"\xff", b"\0", b"["]
    for _ in range(400):
        data = bytearray(CSV)
        for _ in range(generator.randint(1, 3)):
            place = generator.randrange(len(data))
            data[place : place + 1] = generator.choice(pieces)
        read(decode_csv, bytes(data))
