"""mpsolve: which precision each layer of a network gets, with a proof.

>>> import mpsolve
>>> problem = mpsolve.Problem.from_arrays(
...     [[0.30, 0.10], [0.20, 0.05]],
...     usage={"memory": [[2048, 4096], [512, 1024]]},
...     budgets={"memory": 4_700},
...     layers=["conv1", "fc"],
...     precisions=["int4", "int8"],
... )
>>> result = mpsolve.solve(problem)
>>> str(result.reason), dict(result.layout), result.usage["memory"]
('OPTIMAL', {'conv1': 'int8', 'fc': 'int4'}, 4608)
"""

from mpsolve.errors import (
    InvalidLayoutError,
    InvalidParameterError,
    InvalidProblemError,
    MethodUnavailableError,
    MPSolveError,
    NoLayoutError,
    UnsupportedProblemError,
    VerificationError,
)
from mpsolve.front import Front, FrontPoint, front
from mpsolve.gradient_storage import gradient_storage
from mpsolve.many import Results, solve_many
from mpsolve.model import (
    Budget,
    Coupling,
    Group,
    Inventory,
    Layout,
    Option,
    Problem,
    Resource,
    at_most,
    boundary_loss,
    conversion_loss,
    joint_options,
    layer_precisions,
    lossless_matrix,
    monotone,
    rounding_errors,
    sequential_subgraphs,
)
from mpsolve.result import Limit, Reason, Result
from mpsolve.solve import solve
from mpsolve.verify import Verification, verify

__version__ = "0.1.0"

#: Read a problem file: :meth:`Problem.load` by its short name.
load = Problem.load

__all__ = [
    "Budget",
    "Coupling",
    "Front",
    "FrontPoint",
    "Group",
    "InvalidLayoutError",
    "InvalidParameterError",
    "InvalidProblemError",
    "Inventory",
    "Layout",
    "Limit",
    "MPSolveError",
    "MethodUnavailableError",
    "NoLayoutError",
    "Option",
    "Problem",
    "Reason",
    "Resource",
    "Result",
    "Results",
    "UnsupportedProblemError",
    "Verification",
    "VerificationError",
    "__version__",
    "at_most",
    "boundary_loss",
    "conversion_loss",
    "front",
    "gradient_storage",
    "joint_options",
    "layer_precisions",
    "load",
    "lossless_matrix",
    "monotone",
    "rounding_errors",
    "sequential_subgraphs",
    "solve",
    "solve_many",
    "verify",
]
