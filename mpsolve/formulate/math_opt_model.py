"""Problems as models of OR-tools' MathOpt, which HiGHS, SCIP and others solve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mpsolve.formulate.formulation import Formulation
from mpsolve.formulate.linear import LinearModel, linear_model, plain_linear_model
from mpsolve.formulate.names import column_names, row_names
from mpsolve.formulate.program import make_program
from mpsolve.installed import require_packages
from mpsolve.model.problem import Problem

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt

__all__ = ["math_opt_proto", "to_math_opt"]


def to_math_opt(problem: Problem, *, scaled: bool = True) -> Formulation[mathopt.Model]:
    """Write a problem as a MathOpt model.

    Parameters
    ----------
    problem : Problem
    scaled : bool
        True: losses and rows scaled to what float64 solvers can tell apart. False: the
        problem's own numbers, whose objective is the loss itself.

    Returns
    -------
    Formulation
        Its `model` is a ``mathopt.Model`` to be minimised, its `variables` are
        ``mathopt.Variable`` objects.

    Raises
    ------
    MethodUnavailableError
        If OR-tools is not installed.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.5, 0.0], [0.25, 0.0]], {"memory": [[1, 2], [1, 2]]}, {"memory": 3},
    ...     layers=["conv1", "fc"], precisions=["int4", "int8"])
    >>> formulation = to_math_opt(problem)
    >>> from ortools.math_opt.python import mathopt
    >>> result = mathopt.solve(formulation.model, mathopt.SolverType.GSCIP)
    >>> dict(formulation.layout(result.variable_values(formulation.variables)))
    {'conv1': 'int8', 'fc': 'int4'}
    >>> formulation.loss(result.objective_value())
    0.25
    """
    require_packages(["ortools"], "to_math_opt", "ilp")
    from ortools.math_opt.python import mathopt

    program = make_program(problem.merged)
    model = linear_model(program) if scaled else plain_linear_model(program)
    names = column_names(program)
    rows = row_names(model, is_plain=not scaled)
    made = mathopt.Model.from_model_proto(math_opt_proto(model, names, rows))
    return Formulation(made, list(made.variables()), names, program, model.objective)


def math_opt_proto(
    model: LinearModel, columns: Sequence[str] = (), rows: Sequence[str] = ()
) -> Any:
    """Fill MathOpt's protocol buffer: 40 times as fast as adding variables.

    Parameters
    ----------
    model : LinearModel
    columns, rows : sequence of str
        Their names; none where nobody reads them.

    Returns
    -------
    ModelProto
        Its variable j is the model's column j.
    """
    from ortools.math_opt import model_pb2

    losses = model.objective.values.astype(np.float64)
    used = np.flatnonzero(losses)
    is_integer = np.arange(model.num_columns) < model.num_integer
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(model.num_columns))
    proto.variables.lower_bounds.extend([0.0] * model.num_columns)
    proto.variables.upper_bounds.extend(model.upper.tolist())
    proto.variables.integers.extend(is_integer.tolist())
    proto.variables.names.extend(columns)
    proto.objective.linear_coefficients.ids.extend(used.tolist())
    proto.objective.linear_coefficients.values.extend(losses[used].tolist())
    proto.linear_constraints.ids.extend(range(model.num_rows))
    proto.linear_constraints.lower_bounds.extend(model.row_lower.tolist())
    proto.linear_constraints.upper_bounds.extend(model.row_upper.tolist())
    proto.linear_constraints.names.extend(rows)
    matrix = proto.linear_constraint_matrix
    matrix.row_ids.extend(model.row_ids.tolist())
    matrix.column_ids.extend(model.column_ids.tolist())
    matrix.coefficients.extend(model.values.tolist())
    return proto
