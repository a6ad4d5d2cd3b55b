"""How far a model's outputs are from another's, exact also where they nearly agree."""

from __future__ import annotations

from torch import Tensor

__all__ = ["divergence", "sample_divergence"]

#: Below this, e^d - 1 - d is summed as a series: its relative error is d^3 / 60.
SMALL = 1e-3


def divergence(reference: Tensor, logits: Tensor) -> Tensor:
    r"""Return KL(p || q) in nats of softmax outputs, over the last dimension.

    With :math:`d = z' - z` less its mean under p, it is :math:`\log(1 + \sum p\,(e^d -
    1 - d))`: no difference of large numbers, so that fp32's divergence of 1e-14 keeps
    its digits.

    Parameters
    ----------
    reference, logits : Tensor of float64, shape (..., classes)
        Of p and of q.
    """
    p = reference.softmax(-1)
    d = logits - reference
    d = d - (p * d).sum(-1, keepdim=True)
    series = d.square() * (1 / 2 + d * (1 / 6 + d / 24))
    terms = (d.expm1() - d).where(d.abs() > SMALL, series)
    return (p * terms).sum(-1).log1p()


def sample_divergence(reference: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
    """Return each sample's mean divergence over its predictions that count."""
    each = divergence(reference, logits)
    if each.ndim == 1:
        return each
    is_meant = (targets != -100).to(each.dtype)
    return (each * is_meant).sum(1) / is_meant.sum(1)
