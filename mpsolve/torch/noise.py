"""The protocol of the papers' experiments: noise in place of rounding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from mpsolve.torch.apply import Applied, apply_
from mpsolve.torch.precisions import LayerPrecision, Noise

__all__ = ["add_noise_"]


def add_noise_(
    model: nn.Module,
    levels: Mapping[str, float],
    *,
    seed: int | None = None,
    parameters: bool = True,
    inputs: bool = True,
) -> Applied:
    """Add noise to the parameters and inputs of layers, in place [1]_.

    The noise is uniform between -level and level, independent for every element.
    Parameters get theirs once, inputs in every call.

    Parameters
    ----------
    model : torch.nn.Module
    levels : mapping of str to float
        Noise level of each layer, at least 0.
    seed : int, optional
        For noise that can be repeated: the same model, levels and seed give the same.
    parameters, inputs : bool
        What gets noise.

    Returns
    -------
    Applied
        Whose ``remove()`` undoes it.

    Raises
    ------
    InvalidLayoutError
        If a name is no layer of the model.
    InvalidParameterError
        If a level is not finite or below 0, or a layout is applied already.

    References
    ----------
    .. [1] W. Cheng and P. Chen, "Quantization in Layer's Input is Matter", arXiv
       2202.05137, section 6.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 2))
    >>> before = model[0].weight.clone()
    >>> with add_noise_(model, {"0": 1e-3}, seed=0):
    ...     change = (model[0].weight - before).abs().max()
    >>> bool(0 < change <= 1e-3), torch.equal(model[0].weight, before)
    (True, True)
    """
    layout = {}
    for i, (name, level) in enumerate(levels.items()):
        # Layers of one seed must not get the same noise.
        own = None if seed is None else seed * 1_000_003 + 2 * i
        weight = Noise(level if parameters else 0.0, own)
        given = Noise(level if inputs else 0.0, None if own is None else own + 1)
        layout[name] = LayerPrecision(f"noise{level:g}", weight, given)
    return apply_(model, layout)
