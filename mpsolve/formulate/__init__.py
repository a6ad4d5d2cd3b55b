"""Problems written out for other solvers: one function for each target.

Each returns a :class:`Formulation`: the target's own model, and the way back from its
values to layouts and losses. ``docs/formulations.md`` shows the mathematics beside the
code that writes it.
"""

from mpsolve.formulate.cp_sat_model import to_cp_sat
from mpsolve.formulate.formulation import Formulation
from mpsolve.formulate.lp import to_lp
from mpsolve.formulate.math_opt_model import to_math_opt
from mpsolve.formulate.mps import to_mps
from mpsolve.formulate.pulp_model import to_pulp

__all__ = [
    "Formulation",
    "to_cp_sat",
    "to_lp",
    "to_math_opt",
    "to_mps",
    "to_pulp",
]
