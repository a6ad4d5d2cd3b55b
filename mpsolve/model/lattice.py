"""The lattice of possible losses: between two of its points there is no layout."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["quantum"]

#: Bits of a float64's mantissa.
MANTISSA = 53


def quantum(loss: npt.NDArray[np.float64], num_groups: int) -> float:
    """Return the largest power of two that divides every loss.

    Parameters
    ----------
    loss : ndarray of float64
        Losses of the options.
    num_groups : int
        How many of them add up to a layout's loss.

    Returns
    -------
    float
        0 where float64 sums of so many losses may miss the lattice, or all are 0.

    Examples
    --------
    >>> quantum(np.array([0.75, -2.0, 0.0]), 2), quantum(np.array([0.1, 1e9]), 2)
    (0.25, 0.0)
    """
    mantissas, exponents = np.frexp(loss[loss != 0.0])
    if not mantissas.size:
        return 0.0
    integers = np.ldexp(mantissas, MANTISSA).astype(np.int64)
    lowest_bits = np.frexp((integers & -integers).astype(np.float64))[1]
    exponent = int((exponents + lowest_bits).min()) - 1 - MANTISSA
    largest = int(exponents.max()) + num_groups.bit_length()
    return math.ldexp(1.0, exponent) if largest - exponent < MANTISSA else 0.0
