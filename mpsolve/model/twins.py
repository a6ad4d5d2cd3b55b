"""The same options under other constraints, or with other losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from mpsolve.model.columns import total_overflows
from mpsolve.model.constraints import read_constraints
from mpsolve.model.data import ProblemData
from mpsolve.model.faults import Faults

if TYPE_CHECKING:
    from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["ProblemTwins"]

#: Constraints that the merging of ties and couplings does not depend on.
NOT_MERGED = {"budgets", "inventory", "objective", "max_distinct"}

OVERFLOW = "the largest total must stay below 1e300 in magnitude"


class ProblemTwins(ProblemData):
    """What :class:`mpsolve.Problem` can be turned into, without copying its arrays."""

    def with_budgets(self, budgets: Mapping[str, BudgetLike]) -> Problem:
        """Return the same problem under other budgets; arrays are shared, not copied.

        Parameters
        ----------
        budgets : mapping of str to number, (lower, upper) or Budget
            Replaces all budgets of this problem.

        Returns
        -------
        Problem
        """
        twin = self._twin()
        faults = Faults()
        twin._constraints = self._constraints.with_budgets(
            budgets, set(self.resources), faults
        )
        faults.raise_if_any()
        if "merged" in self.__dict__:
            twin.__dict__["merged"] = self.__dict__["merged"].under(twin)
        return twin

    def with_constraints(self, **constraints: Any) -> Problem:
        """Return the same options under other constraints; arrays are shared.

        Parameters
        ----------
        **constraints
            Any of the arguments ``budgets``, ``ties``, ``fixed``, ``inventory``,
            ``couplings``, ``objective`` and ``max_distinct`` of :class:`Problem`, in
            place of this problem's; the others stay.

        Returns
        -------
        Problem

        Raises
        ------
        InvalidProblemError
            With every fault found.

        Examples
        --------
        >>> import mpsolve
        >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1, 2]]})
        >>> problem.with_constraints(inventory={"option1": 1})
        Problem(1 groups, 2 options, Inventory(option1×1))
        """
        twin = self._twin()
        given = self._constraints.as_given(cast("Problem", self))._replace(
            **constraints
        )
        faults = Faults()
        twin._constraints = read_constraints(twin, set(self.resources), given, faults)
        faults.raise_if_any()
        if "merged" in self.__dict__ and constraints.keys() <= NOT_MERGED:
            twin.__dict__["merged"] = self.__dict__["merged"].under(twin)
        return twin

    def with_loss(self, loss: npt.ArrayLike) -> Problem:
        """Return the same problem with other losses of its options.

        Parameters
        ----------
        loss : array_like of float, shape (num_options,)
            Finite; gains where the problem maximises.

        Returns
        -------
        Problem

        Raises
        ------
        InvalidProblemError
            If the losses cannot be those of this problem.
        """
        values = np.array(loss, dtype=np.float64)
        faults = Faults()
        if values.shape != self.loss.shape:
            faults.add("loss", f"must have shape {self.loss.shape}. Got {values.shape}")
        elif not np.isfinite(values).all():
            faults.add("loss", "must be finite")
        else:
            columns = replace(self._columns, loss=values)
            if total_overflows(columns):
                faults.add("loss", OVERFLOW)
        faults.raise_if_any()
        values.flags.writeable = False
        twin = self._twin()
        twin._columns = columns
        return twin

    def _twin(self) -> Problem:
        """Return the same problem, without what was derived from it."""
        twin = cast("Problem", type(self).__new__(type(self)))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("merged", None)
        return twin
