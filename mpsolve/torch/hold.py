"""Parameters as a precision stores them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mpsolve.torch.precisions import Precision

__all__ = ["Held", "Holder", "measured_bytes"]


class Decode(nn.Module):
    """Reads a stored parameter whenever its layer asks for it.

    Parameters
    ----------
    precision : Precision
    shape : torch.Size
    dtype : torch.dtype
        In which the layer computes.
    stored : sequence of Tensor
        What `precision.encode` returned.
    """

    def __init__(
        self,
        precision: Precision,
        shape: torch.Size,
        dtype: torch.dtype,
        stored: Sequence[Tensor],
    ) -> None:
        super().__init__()
        self.precision = precision
        self.shape = shape
        self.dtype = dtype
        self._stored: Sequence[Tensor] | None = stored

    def forward(self, *stored: Tensor) -> Tensor:
        """Return the parameter's values."""
        return self.precision.decode(stored, self.shape, self.dtype)

    def right_inverse(self, _: Tensor) -> list[Tensor]:
        """Return what is stored, once, when the parametrization is registered."""
        if self._stored is None:
            msg = "a stored parameter cannot be assigned; remove the layout first"
            raise NotImplementedError(msg)
        stored, self._stored = list(self._stored), None
        return stored

    def extra_repr(self) -> str:
        """Return what a printed model says."""
        return f"{self.precision.name}, {self.dtype}"


@dataclass(frozen=True)
class Held:
    """A parameter that was replaced.

    Attributes
    ----------
    module : torch.nn.Module
        Its owner.
    name : str
        Within the owner.
    original : torch.nn.Parameter
    """

    module: nn.Module
    name: str
    original: nn.Parameter


@dataclass
class Holder:
    """Replaces parameters, remembers them, and puts them back.

    A parameter of several modules is stored once.
    """

    held: list[Held] = field(default_factory=list)
    _orders: dict[int, tuple[nn.Module, list[str]]] = field(default_factory=dict)
    _stored: dict[tuple[int, Precision], tuple[Tensor, ...]] = field(
        default_factory=dict
    )
    _plain: dict[int, nn.Parameter] = field(default_factory=dict)

    def hold(
        self, layer: nn.Module, path: str, precision: Precision, dtype: torch.dtype
    ) -> None:
        """Store a parameter of a layer in a precision.

        Parameters
        ----------
        layer : torch.nn.Module
        path : str
            Of the parameter, within the layer.
        precision : Precision
        dtype : torch.dtype
            In which the layer computes.
        """
        module, name, original = self.remember(layer, path)
        key = (id(original), precision)
        if key not in self._stored:
            with torch.no_grad():
                self._stored[key] = precision.encode(original.detach())
        stored = self._stored[key]
        if len(stored) == 1 and stored[0] is not original:
            stored = (stored[0].detach(),)
        if len(stored) == 1 and stored[0].dtype == dtype:
            if id(original) not in self._plain:
                made = nn.Parameter(stored[0], original.requires_grad)
                self._plain[id(original)] = made
            setattr(module, name, self._plain[id(original)])
            return
        # Codes have no gradient, and a parametrization asks for its parameter's.
        setattr(module, name, nn.Parameter(original.detach(), requires_grad=False))
        decode = Decode(precision, original.shape, dtype, stored)
        parametrize.register_parametrization(module, name, decode, unsafe=True)

    def remember(
        self, layer: nn.Module, path: str
    ) -> tuple[nn.Module, str, nn.Parameter]:
        """Note a parameter that is about to be replaced.

        Returns
        -------
        module : torch.nn.Module
            Its owner.
        name : str
            Within the owner.
        original : torch.nn.Parameter
        """
        owner_path, _, name = path.rpartition(".")
        module = layer.get_submodule(owner_path)
        original: nn.Parameter = getattr(module, name)
        order = [key for key, _ in module.named_parameters(recurse=False)]
        self._orders.setdefault(id(module), (module, order))
        self.held.append(Held(module, name, original))
        return module, name, original

    def restore(self) -> None:
        """Put every parameter back, bit by bit the one that was there."""
        for held in reversed(self.held):
            module, name = held.module, held.name
            if parametrize.is_parametrized(module, name):
                parametrize.remove_parametrizations(module, name)
            setattr(module, name, held.original)
        for module, order in self._orders.values():
            _reorder(module, order)
        self.held.clear()


def _reorder(module: nn.Module, names: Iterable[str]) -> None:
    """Register a module's own parameters in an order."""
    for name in names:
        parameter = getattr(module, name)
        delattr(module, name)
        setattr(module, name, parameter)


def measured_bytes(modules: nn.Module | Iterable[nn.Module]) -> int:
    """Return the bytes that parameters and buffers take; shared memory counts once.

    Parameters
    ----------
    modules : torch.nn.Module, or iterable of them

    Returns
    -------
    int

    Examples
    --------
    >>> measured_bytes(nn.Linear(4, 2, dtype=torch.float16))
    20
    """
    given = [modules] if isinstance(modules, nn.Module) else modules
    seen: dict[int, int] = {}
    for module in given:
        for tensor in (*module.parameters(), *module.buffers()):
            for part in _parts(tensor):
                # Tensors of size 0 have no address of their own.
                if part.numel():
                    seen[part.data_ptr()] = part.numel() * part.element_size()
    return sum(seen.values())


def _parts(tensor: Tensor) -> list[Tensor]:
    """Return the plain tensors inside of a tensor."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return [tensor]
    names, _ = tensor.__tensor_flatten__()
    return [part for name in names for part in _parts(getattr(tensor, name))]
