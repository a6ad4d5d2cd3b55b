"""Usages as a caller would write them: what rebuilds the same scaled integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mpsolve.model.resource import Resource

__all__ = ["written_usage"]

#: Floats hold every multiple of a quarter up to this exactly.
LARGEST_WITH_QUARTERS = 2**51


def written_usage(
    resource: Resource, offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    """Return the usages of a resource in the caller's units.

    Parameters
    ----------
    resource : Resource
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's options begin.

    Returns
    -------
    ndarray of int64 or float64, shape (num_options,)
        Integers where the scale is 1, else floats that scale to the same integers.

    Notes
    -----
    Usages that no power of ten makes integers were rounded to multiples of a power of
    two. The multiples alone would be read as exact, and budgets would no longer be
    tightened by the rounding. So one of them is written a quarter of the last binary
    place off: it is rounded to the same integer, and the file stays as careful as the
    problem.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[0.0, 0.0]], {"time": [[0.1, 2.0]]})
    >>> problem.resources["time"].usage, written_usage(
    ...     problem.resources["time"], problem.offsets)
    (array([ 1, 20]), array([0.1, 2. ]))
    """
    if resource.scale == 1 and not resource.rounding:
        return resource.usage
    numerator, denominator = resource.scale.numerator, resource.scale.denominator
    is_decimal = numerator & (numerator - 1) != 0
    if is_decimal:
        # Both operands are exact, so the quotient is the float the decimal denotes.
        decimals: npt.NDArray[np.float64] = resource.usage / float(numerator)
        return decimals
    exponent = denominator.bit_length() - numerator.bit_length()
    integers = resource.usage.astype(np.float64)
    if resource.rounding:
        sizes = np.abs(resource.usage)
        can_be_off = (sizes < LARGEST_WITH_QUARTERS) | (resource.usage % 2 == 0)
        candidates = np.flatnonzero(can_be_off)
        smallest = candidates[sizes[candidates].argmin()]
        # Beyond the quarters there are halves, which are rounded to even.
        has_quarters = sizes[smallest] < LARGEST_WITH_QUARTERS
        integers[smallest] += 0.25 if has_quarters else 0.5
    return np.ldexp(integers, exponent)
