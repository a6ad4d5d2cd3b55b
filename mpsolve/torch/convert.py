"""Conversions while a model runs: at the inputs of layers, and nowhere else."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils import swap_tensors
from torch.utils._pytree import tree_leaves, tree_map

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.precisions import Keep, Precision

__all__ = ["Conversion", "ConvertInputs", "follow", "observe_conversions", "run_mixed"]


@dataclass(frozen=True)
class Conversion:
    """A tensor that a layer converted to its own precision.

    Attributes
    ----------
    layer : str
    source, target : torch.dtype
        In which the tensor arrived, and in which the layer computes.
    num_elements : int
    num_changed : int
        Elements whose value is another one after the conversion.
    """

    layer: str
    source: torch.dtype
    target: torch.dtype
    num_elements: int
    num_changed: int


#: Lists that conversions are noted in; empty unless somebody observes.
_observers: list[list[Conversion]] = []


@contextlib.contextmanager
def observe_conversions() -> Iterator[list[Conversion]]:
    """Note what every layer of an applied layout converts.

    Yields
    ------
    list of Conversion
        In the order of execution; tensors that arrive in the layer's precision are in
        it as well, with no element changed.

    Examples
    --------
    >>> from mpsolve.torch import apply_
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> _ = apply_(model, {"0": "fp32", "1": "bf16"})
    >>> with observe_conversions() as found:
    ...     _ = model(torch.zeros(1, 2))
    >>> [(c.layer, c.source, c.target) for c in found][1]
    ('1', torch.float32, torch.bfloat16)
    """
    found: list[Conversion] = []
    _observers.append(found)
    try:
        yield found
    finally:
        _observers.remove(found)


class ConvertInputs:
    """A pre-forward hook that rounds a layer's inputs and casts them.

    Parameters
    ----------
    layer : str
    precision : Precision
        Of the inputs.
    dtype : torch.dtype
        In which the layer computes.
    """

    def __init__(self, layer: str, precision: Precision, dtype: torch.dtype) -> None:
        self.layer = layer
        self.precision = precision
        self.dtype = dtype

    def __call__(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Convert the arguments of a call; masks are cast, never rounded."""
        args = tree_map(self.convert, args)
        kwargs = {
            name: tree_map(self.cast if "mask" in name else self.convert, value)
            for name, value in kwargs.items()
        }
        return args, kwargs

    def convert(self, value: Any) -> Any:
        """Round and cast a floating-point tensor; return anything else as it is."""
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        if isinstance(self.precision, Keep):
            converted = value.to(self.dtype)
        elif self.precision.dtype is not None:
            # Exactly rounded, where torch's cast from float64 would round twice.
            converted = self.precision.encode(value)[0].to(self.dtype)
        else:
            wide = torch.promote_types(value.dtype, self.dtype)
            converted = self.precision.round_input(value.to(wide)).to(self.dtype)
        if _observers:
            self._note(value, converted)
        return converted

    def cast(self, value: Any) -> Any:
        """Cast a floating-point tensor; return anything else as it is."""
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.to(self.dtype)
        return value

    def _note(self, value: Tensor, converted: Tensor) -> None:
        wide = torch.promote_types(value.dtype, converted.dtype)
        changed = value.to(wide) != converted.to(wide)
        # Not-a-number differs from itself, and stays what it is.
        changed &= ~(value.isnan() & converted.isnan())
        found = Conversion(
            self.layer,
            value.dtype,
            converted.dtype,
            value.numel(),
            int(changed.sum()),
        )
        for observer in _observers:
            observer.append(found)


def follow(module: nn.Module) -> None:
    """Let a module without a precision, such as a norm, work in that of its input.

    It computes in the wider type of its input and its parameters, and returns the
    input's: a norm between two fp16 layers returns fp16, and none of an fp64 tensor is
    lost in it.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place, by an attribute ``forward``.
    """
    inner: Any = getattr(module.forward, "__func__", None)
    if inner is None:
        # Somebody's own wrapper; there is no telling what it calls.
        return

    @functools.wraps(inner)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        arriving = _widest(tree_leaves((args, kwargs)))
        state = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        own = _widest(state.values())
        if arriving is None or own is None or arriving == own:
            return inner(self, *args, **kwargs)
        wide = torch.promote_types(arriving, own)
        cast = _caster(wide)
        args, kwargs = tree_map(cast, (args, kwargs))
        if own == wide:
            output = inner(self, *args, **kwargs)
        else:
            # Comes back here, where both are of the same type then.
            state = {name: cast(tensor) for name, tensor in state.items()}
            output = functional_call(self, state, args, kwargs)
        return tree_map(_caster(arriving), output)

    module.forward = MethodType(forward, module)


def run_mixed(model: nn.Module, dtype: torch.dtype | None) -> None:
    """Let products of a model take operands of different types, and restore its output.

    Additions and the like promote their operands by themselves, which loses nothing.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place, by an attribute ``forward``.
    dtype : torch.dtype or None
        Of the model's floating-point outputs; None leaves them as they come.
    """
    inner = model.forward
    # Called with the module at hand, which in a copy of the model is the copy.
    call: Any = getattr(inner, "__func__", None)

    @functools.wraps(call or inner)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with Promote():
            output = call(self, *args, **kwargs) if call else inner(*args, **kwargs)
        return output if dtype is None else tree_map(_caster(dtype), output)

    model.forward = MethodType(forward, model)


#: Functions whose tensors must have one type.
PRODUCTS = {
    *("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum"),
    *("linear", "bilinear", "conv1d", "conv2d", "conv3d"),
}

#: Operators in place, and out of it. Python's ``y += x`` is one of them.
IN_PLACE: dict[str, Callable[..., Any]] = {
    "add_": torch.add,
    "sub_": torch.sub,
    "mul_": torch.mul,
    "div_": torch.div,
}


class Promote(TorchFunctionMode):
    """Casts the operands of products to the type that holds them all."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, with operands cast where it needs that."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in PRODUCTS:
            wide = _mixed((args, kwargs))
            if wide is not None:
                args, kwargs = tree_map(_caster(wide), (args, kwargs))
        elif name == "scaled_dot_product_attention":
            # A mask follows; it must not widen what it hides.
            operands = [*args, *(kwargs.get(k) for k in ("query", "key", "value"))]
            wide = _widest(operands[:3] if len(args) >= 3 else operands)
            if wide is not None:
                args, kwargs = tree_map(_caster(wide), (args, kwargs))
        elif name in IN_PLACE and _mixed(args) not in (None, args[0].dtype):
            return _widen(args[0], IN_PLACE[name](*args, **kwargs), name)
        return func(*args, **kwargs)


def _widen(tensor: Tensor, result: Tensor, name: str) -> Tensor:
    """Let a tensor be another one, of a wider type; whoever holds it sees that."""
    if not tensor._is_view():  # noqa: SLF001
        with contextlib.suppress(RuntimeError):
            swap_tensors(tensor, result)  # type: ignore[no-untyped-call]
            return tensor
    msg = (
        f"{name} in place would lose what {result.dtype} holds and {tensor.dtype} does "
        "not, in a tensor that something else holds as well; write y = y + x"
    )
    raise InvalidParameterError(msg)


def _mixed(values: Any) -> torch.dtype | None:
    """Return the type that holds all tensors, or None where they have one already."""
    kinds = {
        value.dtype
        for value in tree_leaves(values)
        if isinstance(value, Tensor) and value.is_floating_point() and value.ndim
    }
    return functools.reduce(torch.promote_types, kinds) if len(kinds) > 1 else None


def _widest(values: Iterable[Any]) -> torch.dtype | None:
    """Return the type that holds all floating-point tensors; None without any."""
    kinds = {
        value.dtype
        for value in values
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    return functools.reduce(torch.promote_types, kinds) if kinds else None


def _caster(dtype: torch.dtype) -> Callable[[Any], Any]:
    def cast(value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.to(dtype)
        return value

    return cast
