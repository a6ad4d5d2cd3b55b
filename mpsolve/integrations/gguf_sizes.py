"""Bytes of a tensor in each ggml type."""

from __future__ import annotations

from mpsolve.integrations.assign import CannotExpressError

__all__ = ["BLOCKS", "tensor_bytes"]

#: Weights of a block and its bytes, from the structs of ``ggml-common.h``.
BLOCKS = {
    "f32": (1, 4),
    "f16": (1, 2),
    "bf16": (1, 2),
    "q4_0": (32, 18),
    "q4_1": (32, 20),
    "q5_0": (32, 22),
    "q5_1": (32, 24),
    "q8_0": (32, 34),
    "q2_k": (256, 84),
    "q3_k": (256, 110),
    "q4_k": (256, 144),
    "q5_k": (256, 176),
    "q6_k": (256, 210),
    "iq1_s": (256, 50),
    "iq1_m": (256, 56),
    "iq2_xxs": (256, 66),
    "iq2_xs": (256, 74),
    "iq2_s": (256, 82),
    "iq3_xxs": (256, 98),
    "iq3_s": (256, 110),
    "iq4_nl": (32, 18),
    "iq4_xs": (256, 136),
    "tq1_0": (256, 54),
    "tq2_0": (256, 66),
    "mxfp4": (32, 17),
}


def tensor_bytes(elements: int, kind: str) -> int:
    """Return how many bytes a tensor takes in a ggml type.

    Parameters
    ----------
    elements : int
        Weights of the tensor, in whole blocks.
    kind : str
        Name of the type; upper and lower case are the same.

    Returns
    -------
    int

    Raises
    ------
    CannotExpressError
        If the type's blocks are not known here, or the weights are no whole blocks.

    Examples
    --------
    >>> tensor_bytes(4096, "q4_K")
    2304
    """
    block = BLOCKS.get(kind.lower())
    if block is None:
        msg = f"the bytes of {kind!r} are not known here; give them in sizes"
        raise CannotExpressError(msg)
    weights, size = block
    if elements % weights:
        msg = f"{elements} weights are no whole blocks of {weights}, as {kind!r} needs"
        raise CannotExpressError(msg)
    return elements // weights * size
