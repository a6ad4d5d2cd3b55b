"""Solve a small problem, whose one best layout is known, with an installed mpsolve."""

import sys

import mpsolve

problem = mpsolve.Problem.from_arrays(
    [[0.30, 0.10], [0.20, 0.05]],
    usage={"memory": [[2048, 4096], [512, 1024]]},
    budgets={"memory": 4_700},
    layers=["conv1", "fc"],
    precisions=["int4", "int8"],
)
result = mpsolve.solve(problem)
if (str(result.reason), dict(result.layout)) != (
    "OPTIMAL",
    {"conv1": "int8", "fc": "int4"},
):
    sys.exit(f"wrong answer: {result}")
print(f"mpsolve {mpsolve.__version__} from {mpsolve.__file__} works")
