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

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
)
from mpsolve.result import Limit, Reason, Result
from mpsolve.solve import solve
from mpsolve.verify import Verification, verify

if TYPE_CHECKING:
    from mpsolve.explanation import Explanation, explain
    from mpsolve.many import Results, solve_many
    from mpsolve.model.clado import Clipped, psd_clipped
    from mpsolve.model.conversion import boundary_loss, conversion_loss, monotone
    from mpsolve.model.datatypes import lossless_matrix, rounding_errors
    from mpsolve.model.joint import joint_options, layer_precisions
    from mpsolve.model.subgraphs import sequential_subgraphs
    from mpsolve.pareto import Front, FrontPoint, front
    from mpsolve.stored_parameters import gradient_storage

__version__ = "0.1.0"

#: Read a problem file: :meth:`Problem.load` by its short name.
load = Problem.load

__all__ = [
    "Budget",
    "Clipped",
    "Coupling",
    "Explanation",
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
    "explain",
    "front",
    "gradient_storage",
    "joint_options",
    "layer_precisions",
    "load",
    "lossless_matrix",
    "monotone",
    "psd_clipped",
    "rounding_errors",
    "sequential_subgraphs",
    "solve",
    "solve_many",
    "verify",
]

# Most programs solve a problem and use none of these: they load when first asked for.
# No module may have the name of what it defines here, which its import would replace.
_ON_DEMAND = {
    "Clipped": "model.clado",
    "Explanation": "explanation",
    "Front": "pareto",
    "FrontPoint": "pareto",
    "Results": "many",
    "boundary_loss": "model.conversion",
    "conversion_loss": "model.conversion",
    "explain": "explanation",
    "front": "pareto",
    "gradient_storage": "stored_parameters",
    "joint_options": "model.joint",
    "layer_precisions": "model.joint",
    "lossless_matrix": "model.datatypes",
    "monotone": "model.conversion",
    "psd_clipped": "model.clado",
    "rounding_errors": "model.datatypes",
    "sequential_subgraphs": "model.subgraphs",
    "solve_many": "many",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        message = f"module 'mpsolve' has no attribute {name!r}"
        raise AttributeError(message)
    thing = getattr(import_module(f"mpsolve.{_ON_DEMAND[name]}"), name)
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
