"""What changes of the outputs do together, to second order."""

from __future__ import annotations

import torch

__all__ = ["output_feature"]


def output_feature(
    log_probabilities: torch.Tensor, changed: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    r"""Return a change of the outputs as a vector whose products count pairs.

    Two changes d and d' of a prediction's outputs raise the divergence from its
    probabilities q by :math:`d^\top F d'` more together than apart, to second order,
    with :math:`F = \mathrm{diag}(q) - q q^\top`, the Hessian of the cross-entropy. The
    product of their vectors is that, summed over the predictions with weights.

    Parameters
    ----------
    log_probabilities, changed : Tensor, shape (..., classes)
        Of the predictions before and after the change.
    weights : Tensor, shape (...)
        Of the predictions.

    Returns
    -------
    Tensor of float32, shape (predictions * classes,)

    Examples
    --------
    >>> q = torch.tensor([0.5, 0.5]).log()
    >>> first = output_feature(q, torch.tensor([0.6, 0.4]).log(), torch.tensor(1.0))
    >>> second = output_feature(q, torch.tensor([0.3, 0.7]).log(), torch.tensor(1.0))
    >>> round(float(first @ second), 4)  # 0.405 * -0.847 / 4: they work against
    -0.0859
    """
    q = log_probabilities.exp()
    change = changed - log_probabilities
    # What is added to all outputs of a prediction changes nothing, so that log
    # probabilities do as well as outputs.
    centred = change - (q * change).sum(-1, keepdim=True)
    return ((weights[..., None] * q).sqrt() * centred).flatten().float()
