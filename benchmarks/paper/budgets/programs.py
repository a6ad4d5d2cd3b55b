"""Integer programs as others write them: PuLP, and CBC as PuLP calls it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.rounded import Choices
from mpsolve.methods.registry import get_method, is_available

__all__ = ["gaudi", "hawq_v3", "modelopt"]

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.generic]

#: Halvings of the limit on the loss's squared error.
HALVINGS = 14


def one_hot(
    objective: Table,
    *rows: tuple[Table, float],
    maximize: bool = False,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> Choices | None:
    """Solve ``min objective``, one option a decision, by CBC's defaults.

    Parameters
    ----------
    objective : ndarray, shape (decisions, precisions)
    *rows : (ndarray of the same shape, float)
        Usages and their limit.
    maximize : bool
    allowed : ndarray of bool, optional
        Of the same shape.

    Returns
    -------
    tuple of int, or None
        What CBC left, whatever PuLP called it; None where that is no layout.
    """
    import pulp

    num, width = objective.shape
    sense = pulp.LpMaximize if maximize else pulp.LpMinimize
    program = pulp.LpProblem("layout", sense)
    keys = [(i, k) for i in range(num) for k in range(width)]
    if allowed is not None:
        keys = [key for key in keys if allowed[key]]
    x = {key: pulp.LpVariable(f"x_{key[0]}_{key[1]}", cat="Binary") for key in keys}
    program += pulp.lpSum(float(objective[key]) * x[key] for key in keys)
    for i in range(num):
        program += pulp.lpSum(x[key] for key in keys if key[0] == i) == 1
    for row, limit in rows:
        program += pulp.lpSum(float(row[key]) * x[key] for key in keys) <= limit
    program.solve(pulp.PULP_CBC_CMD(msg=False))
    if program.status != pulp.LpStatusOptimal:
        return None
    chosen = {i: k for (i, k) in keys if (x[i, k].value() or 0.0) > 0.5}
    return tuple(chosen[i] for i in range(num)) if len(chosen) == num else None


def hawq_v3(
    omega: Floats,
    *limits: tuple[Table, float],
    published: Sequence[int] | None = None,
) -> Choices | None:
    """Return HAWQ-v3's layout: least sum of trace times squared error that fits.

    Parameters
    ----------
    omega : ndarray, shape (decisions, precisions)
    *limits : (ndarray of the same shape, float)
        Bytes, bit operations or times, and their budget.
    published : sequence of int, optional
        The two precisions that the paper has (4 and 8 bit), the last of which the
        first and the last layer keep.
    """
    allowed = None
    if published is not None:
        allowed = np.zeros(omega.shape, dtype=bool)
        allowed[:, list(published)] = True
        allowed[[0, -1]] = False
        allowed[[0, -1], published[-1]] = True
    return one_hot(omega, *limits, allowed=allowed)


def gaudi(loss_mse: Floats, memory: Table, budget: int) -> Choices:
    """Return the layout of largest gain in memory whose loss MSE is below a limit.

    The limit is halved until the layout just fits the budget.
    """
    gain = memory.max() * 1.0 - memory
    low, high = 0.0, float(loss_mse.max(1).sum())
    best: Choices | None = None
    for _ in range(HALVINGS):
        # Errors span orders of magnitude; below 1e-9 of the largest nothing is left.
        limit = float(np.sqrt(max(low, 1e-9 * high) * high))
        found = one_hot(gain, (loss_mse, limit), maximize=True)
        fits = found is not None and _usage(memory, found) <= budget
        if fits:
            best, high = found, limit
        else:
            low = limit
    return best or tuple(memory.argmin(1).tolist())


def _usage(memory: Table, choices: Choices) -> float:
    return float(memory[np.arange(len(choices)), list(choices)].sum())


def modelopt(scores: Floats, memory: Table, budget: int) -> tuple[Choices | None, str]:
    """Return ModelOpt's layout, and by whose program.

    Scores of a layer are made to fall with precision first, as ModelOpt does. Where
    ModelOpt is not installed the same program is written here.
    """
    falling = np.minimum.accumulate(scores, axis=1)
    if is_available(get_method("modelopt_cbc")):
        problem = mpsolve.Problem.from_arrays(
            falling, {"memory": memory}, {"memory": budget}
        )
        result = mpsolve.solve(problem, "modelopt_cbc")
        layout = result.layout
        return layout and tuple(layout.choices.tolist()), "ModelOpt's own class LPS"
    return one_hot(falling, (memory, budget)), "the same program in PuLP"
