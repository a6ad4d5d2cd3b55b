"""The solvers behind OR-tools' MathOpt: one way to build a model and to read answers.

The model is a protocol buffer filled with whole lists, handed to the solver as it is.
The same model made variable by variable takes forty times as long, and a detour over
``mathopt.Model.from_model_proto`` five times.
"""

from __future__ import annotations

import datetime as dt
import math
from importlib.metadata import version

import numpy as np
from ortools.math_opt import model_pb2, result_pb2
from ortools.math_opt.core.python import solver
from ortools.math_opt.python import callback, init_arguments, mathopt, model_parameters
from ortools.math_opt.python.mathopt import SolveParameters

from benchmarks.race.peers.columns import Columns, scaled_losses, scaled_usages
from benchmarks.race.peers.peer import Claim, Peer
from benchmarks.race.peers.program import Program

__all__ = ["MathOptPeer"]

REASONS = {
    result_pb2.TERMINATION_REASON_OPTIMAL: "OPTIMAL",
    result_pb2.TERMINATION_REASON_FEASIBLE: "FEASIBLE",
    result_pb2.TERMINATION_REASON_INFEASIBLE: "INFEASIBLE",
}


class MathOptPeer(Peer):
    """A mixed-integer solver reached through MathOpt."""

    solver_type: mathopt.SolverType
    #: Largest usage in the budget's row.
    largest_usage: float

    @staticmethod
    def version() -> str:
        return f"ortools {version('ortools')}"

    def parameters(
        self, columns: Columns, time_limit: float
    ) -> mathopt.SolveParameters:
        """Return what every solver is told: no gap at all, relative or absolute."""
        return SolveParameters(
            time_limit=dt.timedelta(seconds=time_limit),
            relative_gap_tolerance=0.0,
            absolute_gap_tolerance=0.0,
        )

    def build(self, columns: Columns) -> model_pb2.ModelProto:
        loss, _ = scaled_losses(columns)
        usage, budget = scaled_usages(columns, self.largest_usage)
        num_columns, num_groups = columns.num_columns, columns.num_groups
        model = model_pb2.ModelProto()

        variables = model.variables
        variables.ids.extend(range(num_columns))
        variables.lower_bounds.extend([0.0] * num_columns)
        variables.upper_bounds.extend([1.0] * num_columns)
        variables.integers.extend([True] * num_columns)

        has_loss = np.flatnonzero(loss)
        objective = model.objective.linear_coefficients
        objective.ids.extend(has_loss.tolist())
        objective.values.extend(loss[has_loss].tolist())

        # One row per group, and the budget last.
        rows = model.linear_constraints
        rows.ids.extend(range(num_groups + 1))
        rows.lower_bounds.extend([1.0] * num_groups + [-math.inf])
        rows.upper_bounds.extend([1.0] * num_groups + [budget])

        has_usage = np.flatnonzero(usage)
        matrix = model.linear_constraint_matrix
        matrix.row_ids.extend(columns.group.tolist())
        matrix.row_ids.extend([num_groups] * len(has_usage))
        matrix.column_ids.extend(range(num_columns))
        matrix.column_ids.extend(has_usage.tolist())
        matrix.coefficients.extend([1.0] * num_columns)
        matrix.coefficients.extend(usage[has_usage].tolist())
        return model

    def build_program(self, program: Program) -> model_pb2.ModelProto:
        """Make the model of a problem with rows, counts and couplings.

        Pairs are continuous: where the options are 0 or 1, so are they.
        """
        loss, _ = scaled_losses(program)
        num_columns, num_layers = program.num_columns, program.num_layers
        num_options = int(program.offsets[num_layers])
        model = model_pb2.ModelProto()
        variables = model.variables
        variables.ids.extend(range(num_columns))
        variables.lower_bounds.extend([0.0] * num_columns)
        variables.upper_bounds.extend([1.0] * num_columns)
        num_pairs = num_columns - num_options
        variables.integers.extend([True] * num_options + [False] * num_pairs)
        has_loss = np.flatnonzero(loss)
        objective = model.objective.linear_coefficients
        objective.ids.extend(has_loss.tolist())
        objective.values.extend(loss[has_loss].tolist())

        scaled = [row.scaled(self.largest_usage) for row in program.rows]
        sides = [(1.0, 1.0)] * num_layers + [(low, high) for _, low, high in scaled]
        sides += [(0.0, 0.0)] * program.num_links
        rows = model.linear_constraints
        rows.ids.extend(range(len(sides)))
        rows.lower_bounds.extend([low for low, _ in sides])
        rows.upper_bounds.extend([high for _, high in sides])

        matrix = model.linear_constraint_matrix
        matrix.row_ids.extend(program.group[:num_options].tolist())
        matrix.column_ids.extend(range(num_options))
        matrix.coefficients.extend([1.0] * num_options)
        for number, (row, (values, _, _)) in enumerate(
            zip(program.rows, scaled, strict=True), num_layers
        ):
            matrix.row_ids.extend([number] * len(row.columns))
            matrix.column_ids.extend(row.columns.tolist())
            matrix.coefficients.extend(values.tolist())
        first = num_layers + len(program.rows)
        # In every row the columns must rise.
        order = np.lexsort((program.link_columns, program.link_rows))
        matrix.row_ids.extend((program.link_rows[order] + first).tolist())
        matrix.column_ids.extend(program.link_columns[order].tolist())
        matrix.coefficients.extend(program.link_values[order].astype(float).tolist())
        return model

    def solve(
        self, model: model_pb2.ModelProto, columns: Columns, time_limit: float
    ) -> Claim:
        result = solver.solve(
            model,
            self.solver_type.value,
            init_arguments.StreamableSolverInitArguments().to_proto(),
            self.parameters(columns, time_limit).to_proto(),
            model_parameters.ModelSolveParameters().to_proto(),
            None,
            callback.CallbackRegistration().to_proto(),
            None,
            None,
        )
        _, scale = scaled_losses(columns)
        bound = (
            columns.least_loss + result.termination.objective_bounds.dual_bound / scale
        )
        choices = None
        if result.solutions and result.solutions[0].HasField("primal_solution"):
            values = result.solutions[0].primal_solution.variable_values
            is_one = np.array(values.values) > 0.5
            choices = columns.choices(np.array(values.ids)[is_one])
        reason = REASONS.get(result.termination.reason, "NO_SOLUTION_FOUND")
        return Claim(reason, choices, bound)
