"""What every precision offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import DataType

__all__ = ["Keep", "Precision", "check_float"]


class Precision(ABC):
    """A number format for the parameters or the inputs of a layer.

    What a format stores of a tensor is `encode`; `decode` reads it back, and `round` is
    one after the other. `storage_bytes` is the size of what `encode` returns.

    Attributes
    ----------
    name : str
    bits : float
        Of an element, without scales and zero points.
    data_type : FloatType, IntegerType or None
        The set of values, for the lossless relation of :mod:`mpsolve.model.datatypes`.
    dtype : torch.dtype or None
        In which torch computes with the format; None where it does not.
    error : float
        Largest rounding error: of floating-point formats relative to a value in the
        normal range, of the others relative to the largest magnitude under one scale,
        of noise absolute.
    """

    name: str
    bits: float
    data_type: DataType | None = None
    dtype: torch.dtype | None = None
    error: float = math.nan

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors that the format stores of a parameter."""

    @abstractmethod
    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return the values of what `encode` returned.

        Parameters
        ----------
        stored : sequence of Tensor
        shape : torch.Size
            Of the parameter.
        dtype : torch.dtype
            Of the result.
        """

    @abstractmethod
    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the bytes of a stored parameter, scales and zero points included.

        Parameters
        ----------
        parameter : Tensor
            Only its shape and type count; it may be on the meta device.
        """

    def round(self, x: Tensor) -> Tensor:
        """Return values that the format holds: the nearest, ties to even, by default.

        Parameters
        ----------
        x : Tensor, any shape
            A parameter; of layers, dimension 0 is the output channel.

        Returns
        -------
        Tensor, same shape and type
        """
        return self.decode(self.encode(x), x.shape, x.dtype)

    def round_input(self, x: Tensor) -> Tensor:
        """Round the input of a layer.

        Where the format has scales, every element of dimension 0 (a sample, or a row
        of a matrix) has its own: a sample does not depend on its batch.

        Parameters
        ----------
        x : Tensor, any shape

        Returns
        -------
        Tensor, same shape and type
        """
        return self.round(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class Keep(Precision):
    """No change: the parameters or inputs stay as the model has them.

    Examples
    --------
    >>> import torch
    >>> Keep().storage_bytes(torch.zeros(3, 2))
    24
    """

    name = "keep"
    bits = math.nan
    error = 0.0

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the tensor itself."""
        return (x,)

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return the tensor itself."""
        return stored[0].to(dtype).reshape(shape)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the tensor's own bytes."""
        return parameter.numel() * parameter.element_size()


def check_float(x: Tensor, name: str) -> None:
    """Refuse tensors whose values are no floating-point numbers."""
    if not x.is_floating_point():
        msg = f"{name} rounds floating-point tensors only. Got {x.dtype}"
        raise InvalidParameterError(msg)
