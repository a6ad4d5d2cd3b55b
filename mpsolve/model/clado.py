"""CLADO's positive semidefinite clipping, and what it changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidParameterError
from mpsolve.model.coupling import Coupling
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem

__all__ = ["Clipped", "psd_clipped"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clipped:
    """A problem whose quadratic form was clipped, and how much that changed.

    Attributes
    ----------
    problem : Problem
        The clipped problem: another objective, the same constraints.
    original : Problem
        Where it came from.
    eigenvalues : ndarray of float64, shape (num_options,)
        Those of the original form, rising; the negative ones were set to 0.
    """

    problem: Problem
    original: Problem
    eigenvalues: Floats

    @property
    def num_negative(self) -> int:
        """How many eigenvalues were negative."""
        return int((self.eigenvalues < 0).sum())

    @property
    def removed(self) -> float:
        """Share of the form that was removed: the Frobenius norms' quotient, in [0, 1].

        0 says that nothing was changed.
        """
        total = float(np.linalg.norm(self.eigenvalues))
        lost = float(np.linalg.norm(self.eigenvalues[self.eigenvalues < 0]))
        return lost / total if total else 0.0

    def restore(self, layout: Layout) -> Layout:
        """Return a layout of the clipped problem as one of the original.

        Its loss there is what the layout really costs; see :func:`mpsolve.verify`.
        """
        return Layout(self.original, layout.choices)


def psd_clipped(problem: Problem) -> Clipped:
    """Replace the objective by its positive semidefinite part, as CLADO does.

    CLADO writes the loss as ``x' C x / 2`` with 0/1 variables x for all options, twice
    the options' own losses on the diagonal of C and the couplings beside it, and sets
    the negative eigenvalues of C to 0 [1]_, because solvers for convex quadratic
    programs need that. It is another problem: a layout that is optimal for the clipped
    form need not be for the true one. mpsolve needs no convexity and solves the true
    objective; this is for comparing with CLADO, and for measurements so noisy that
    negative curvature cannot be real.

    Parameters
    ----------
    problem : Problem
        Forbidden pairs stay forbidden; the form has 0 in their place.

    Returns
    -------
    Clipped
        The clipped problem, in which every pair of groups is coupled.

    Raises
    ------
    InvalidParameterError
        If the problem maximises.

    References
    ----------
    .. [1] Z. Deng, S. Sharify, X. Wang, M. Orshansky, "Mixed-precision quantization for
       deep vision models with integer quadratic programming", arXiv 2307.05657.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[1, 0.25], [1, 0.25]], layers=["a", "b"], precisions=["int4", "int8"],
    ...     couplings=[mpsolve.Coupling("a", "b", [[-3, 0], [0, 0]])])
    >>> clipped = psd_clipped(problem)
    >>> clipped.num_negative, clipped.eigenvalues.round(9).tolist()
    (1, [-1.0, 0.5, 0.5, 5.0])
    >>> result = mpsolve.solve(clipped.problem)
    >>> true = mpsolve.verify(problem, clipped.restore(result.layout)).loss
    >>> round(abs(result.loss), 9), round(true, 9), mpsolve.solve(problem).loss
    (0.0, -1.0, -1.0)
    """
    if problem.maximize:
        msg = "psd_clipped needs a loss that is minimised. Got a problem that maximises"
        raise InvalidParameterError(msg)
    spans = [
        slice(first, last)
        for first, last in zip(problem.offsets[:-1], problem.offsets[1:], strict=True)
    ]
    form = np.diag(2.0 * problem.loss)
    forbidden = np.zeros(form.shape, dtype=bool)
    for coupling in problem.couplings:
        u = spans[problem.layers.index(coupling.first)]
        v = spans[problem.layers.index(coupling.second)]
        finite = np.isfinite(coupling.table)
        form[u, v] += np.where(finite, coupling.table, 0.0)
        form[v, u] += np.where(finite, coupling.table, 0.0).T
        forbidden[u, v] |= ~finite
        forbidden[v, u] |= ~finite.T
    values, vectors = np.linalg.eigh(form)
    # Eigenvalues that are 0 but for rounding are no negative curvature.
    noise = len(values) * np.finfo(np.float64).eps * np.abs(values).max(initial=0.0)
    values[np.abs(values) <= noise] = 0.0
    if (values >= 0).all():
        return Clipped(problem, problem, values)
    kept = (vectors * np.maximum(values, 0.0)) @ vectors.T
    kept = (kept + kept.T) / 2.0
    tables = np.where(forbidden, np.inf, kept)
    couplings = [
        Coupling(problem.layers[u], problem.layers[v], tables[spans[u], spans[v]])
        for u in range(problem.num_groups)
        for v in range(u + 1, problem.num_groups)
    ]
    clipped = problem.with_loss(np.diag(kept) / 2.0)
    return Clipped(clipped.with_constraints(couplings=couplings), problem, values)
