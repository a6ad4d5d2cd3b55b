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

if TYPE_CHECKING:
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
    from mpsolve.explanation import Explanation, explain
    from mpsolve.io import load_problem as load
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
    )
    from mpsolve.model.clado import Clipped, psd_clipped
    from mpsolve.model.conversion import boundary_loss, conversion_loss, monotone
    from mpsolve.model.datatypes import lossless_matrix, rounding_errors
    from mpsolve.model.joint import joint_options, layer_precisions
    from mpsolve.model.subgraphs import sequential_subgraphs
    from mpsolve.pareto import Front, FrontPoint, front
    from mpsolve.result import Limit, Reason, Result
    from mpsolve.solving import solve
    from mpsolve.stored_parameters import gradient_storage
    from mpsolve.verification import Verification, verify

__version__ = "0.1.0"

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

# Where everything is; it loads when first asked for, NumPy with it. No module may have
# the name of what it defines here, which its import would replace.
_PLACES = {
    "errors": (
        "InvalidLayoutError",
        "InvalidParameterError",
        "InvalidProblemError",
        "MPSolveError",
        "MethodUnavailableError",
        "NoLayoutError",
        "UnsupportedProblemError",
        "VerificationError",
    ),
    "explanation": ("Explanation", "explain"),
    "many": ("Results", "solve_many"),
    "model": (
        "Budget",
        "Coupling",
        "Group",
        "Inventory",
        "Layout",
        "Option",
        "Problem",
        "Resource",
        "at_most",
    ),
    "model.clado": ("Clipped", "psd_clipped"),
    "model.conversion": ("boundary_loss", "conversion_loss", "monotone"),
    "model.datatypes": ("lossless_matrix", "rounding_errors"),
    "model.joint": ("joint_options", "layer_precisions"),
    "model.subgraphs": ("sequential_subgraphs",),
    "pareto": ("Front", "FrontPoint", "front"),
    "result": ("Limit", "Reason", "Result"),
    "solving": ("solve",),
    "stored_parameters": ("gradient_storage",),
    "verification": ("Verification", "verify"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}
_MODULES = ("errors", "instances", "io", "methods", "model")


def __getattr__(name: str) -> Any:
    if name == "load":
        thing: Any = import_module("mpsolve.model").Problem.load
    elif name in _MODULE_OF:
        thing = getattr(import_module(f"mpsolve.{_MODULE_OF[name]}"), name)
    elif name in _MODULES:
        thing = import_module(f"mpsolve.{name}")
    else:
        message = f"module 'mpsolve' has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
