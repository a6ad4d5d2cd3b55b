"""What every target gets back: its model, and the way back to layouts and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidParameterError
from mpsolve.formulate.objective import Objective
from mpsolve.formulate.program import Program
from mpsolve.model.layout import Layout

__all__ = ["Formulation"]

T = TypeVar("T")


@dataclass(frozen=True)
class Formulation(Generic[T]):
    """A problem in the words of another solver.

    Attributes
    ----------
    model : object
        The target's own model, or the text of a file.
    variables : sequence
        The target's variables, or their names, one for each column of the program:
        options first, pairs of coupled options after them.
    names : sequence of str
        Names of the variables.
    program : Program
        The integer program that it says.
    objective : Objective
        How losses were shifted and scaled.
    """

    model: T
    variables: Sequence[Any]
    names: Sequence[str]
    program: Program
    objective: Objective

    @property
    def resolution(self) -> float:
        """Loss that the model cannot tell apart, by rounding; 0 where it is exact."""
        return self.objective.resolution

    def loss(self, objective_value: float) -> float:
        """Return the loss (or gain) that a value of the model's objective stands for.

        Parameters
        ----------
        objective_value : float

        Returns
        -------
        float
            Up to `resolution`, and what float64 sums lose; :func:`mpsolve.verify`
            evaluates a layout exactly.
        """
        loss = self.objective.loss(objective_value)
        return -loss if self.program.merged.problem.maximize else loss

    def layout(
        self, values: Mapping[str, float] | Sequence[float] | npt.NDArray[np.float64]
    ) -> Layout:
        """Return the layout that a solver's values stand for.

        Each group takes the option of its largest value. Nothing else is believed or
        checked: ask :func:`mpsolve.verify` whether the layout keeps the budgets.

        Parameters
        ----------
        values : mapping of str to float, or sequence of float
            By name (absent ones are 0), or in the order of `variables`; those of
            options suffice.

        Returns
        -------
        Layout

        Raises
        ------
        InvalidParameterError
            If there are fewer values than options, or a name is not of this model.
        """
        if isinstance(values, Mapping):
            if unknown := set(values) - set(self.names):
                msg = f"values[{min(unknown)!r}] is no variable of this formulation"
                raise InvalidParameterError(msg)
            values = [float(values.get(name, 0.0)) for name in self.names]
        found = np.asarray(values, dtype=np.float64)
        if found.ndim != 1 or len(found) < self.program.num_options:
            msg = (
                f"values must be one for each of the {self.program.num_options} "
                f"options. Got the shape {found.shape}"
            )
            raise InvalidParameterError(msg)
        merged = self.program.merged
        choices = merged.expand(self.program.choices_of(found))
        return Layout(merged.problem, choices)
