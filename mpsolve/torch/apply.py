"""From a layout to a model that runs in it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self, get_args

import torch
from torch import nn

from mpsolve.errors import Fault, InvalidLayoutError, InvalidParameterError
from mpsolve.torch.convert import ConvertInputs, follow, run_mixed
from mpsolve.torch.devices import check_device, compute_type
from mpsolve.torch.hold import Holder
from mpsolve.torch.kernels import apply_kernels
from mpsolve.torch.layers import LAYER_TYPES, Layer, find_layers, find_ties
from mpsolve.torch.offloaded import is_offloaded
from mpsolve.torch.precisions import Keep, LayerPrecision, Precision, parse

__all__ = ["Applied", "Assignment", "applied", "apply_", "read_layout"]

#: A precision for each layer, by name: a layout, or any mapping.
Assignment = Mapping[str, Any]

Backend = Literal["torch", "torchao"]

#: Stays with a model as long as a layout is applied.
MARK = "_mpsolve_layout"


class Applied:
    """A layout that a model runs in, until it is removed.

    It keeps the replaced parameters alive; drop it to free their memory. As a context
    manager it removes the layout at the end.

    Attributes
    ----------
    model : torch.nn.Module
    precisions : dict of str to LayerPrecision
        By layer.
    """

    def __init__(self, model: nn.Module, precisions: dict[str, LayerPrecision]) -> None:
        self.model = model
        self.precisions = precisions
        self.holder = Holder()
        self.hooks: list[Any] = []
        self._wrapped: list[tuple[nn.Module, Any]] = []

    def remove(self) -> None:
        """Give the model back its own parameters, bit by bit, and its own types."""
        if getattr(self.model, MARK, None) is not None:
            self.undo()
            delattr(self.model, MARK)

    def undo(self) -> None:
        """Take back every change, also those of a layout that is half applied."""
        for hook in self.hooks:
            hook.remove()
        for module, before in reversed(self._wrapped):
            # An attribute hides the method of the class; without it that is back.
            del module.forward
            if before is not None:
                module.forward = before
        self.holder.restore()
        self.hooks.clear()
        self._wrapped.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for precision in self.precisions.values():
            counts[precision.name] = counts.get(precision.name, 0) + 1
        return f"Applied({', '.join(f'{n} × {name}' for name, n in counts.items())})"

    def hook(self, layer: Layer, convert: ConvertInputs) -> None:
        """Convert the inputs of a layer from now on."""
        register = layer.module.register_forward_pre_hook
        self.hooks.append(register(convert, with_kwargs=True))

    def wrap(self, module: nn.Module, wrapper: Any, *args: Any) -> None:
        """Let a function change a module's ``forward``, and remember what it was."""
        before = vars(module).get("forward")
        wrapper(module, *args)
        if vars(module).get("forward") is not before:
            self._wrapped.append((module, before))


def apply_(
    model: nn.Module, layout: Assignment, *, backend: Backend = "torch"
) -> Applied:
    """Let a model run in a layout, in place.

    Parameters of the layers are stored in their precisions. fp64, fp32, bf16 and fp16
    are torch's own types, and the layer computes in them; everything else is stored as
    codes and scales, of which a layer makes numbers again whenever it runs.

    Tensors are converted where a layer reads them, and nowhere else: what a layer
    returns stays in its precision, norms and activations work in that of their input,
    and sums of different types have the type that holds both. So an edge loses
    something exactly where :func:`mpsolve.conversion_loss` says so. Layers that the
    layout does not name keep their own types, and convert their inputs to them. The
    model's outputs have the type that they had before.

    Parameters
    ----------
    model : torch.nn.Module
    layout : mapping of str to str
        Precision of each layer, as :func:`parse` reads it; a
        :class:`mpsolve.Layout`, or any mapping.
    backend : {"torch", "torchao"}
        ``"torchao"`` runs linear layers in torchao's own kernels where it has one for
        their precision, and says where it has none.

    Returns
    -------
    Applied
        Whose ``remove()`` undoes it.

    Raises
    ------
    InvalidLayoutError
        If a name is no layer of the model, a precision is not known, tied layers have
        different ones, or the device cannot compute in one; with every fault.
    InvalidParameterError
        If a layout is applied already, or the backend is not known.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> with apply_(model, {"0": "fp16", "2": "w4"}):
    ...     output = model(torch.zeros(1, 2))
    ...     model[0].weight.dtype, model[2].parametrizations.weight.original0.dtype
    (torch.float16, torch.uint8)
    >>> output.dtype, model[0].weight.dtype
    (torch.float32, torch.float32)
    """
    if backend not in get_args(Backend):
        msg = f"backend must be one of {', '.join(get_args(Backend))}. Got {backend!r}"
        raise InvalidParameterError(msg)
    if getattr(model, MARK, None) is not None:
        msg = "the model has a layout already; remove that first"
        raise InvalidParameterError(msg)
    layers, precisions = read_layout(model, layout)
    restored = _only_type(model)
    handle = Applied(model, precisions)
    try:
        _change(layers, handle, backend, restored)
    except BaseException:
        handle.undo()
        raise
    setattr(model, MARK, {name: p.name for name, p in precisions.items()})
    return handle


def applied(
    model: nn.Module, layout: Assignment, *, backend: Backend = "torch"
) -> nn.Module:
    """Return a copy of a model that runs in a layout; see :func:`apply_`.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2))
    >>> applied(model, {"0": "bf16"})[0].weight.dtype, model[0].weight.dtype
    (torch.bfloat16, torch.float32)
    """
    made = copy.deepcopy(model)
    apply_(made, layout, backend=backend)
    return made


def read_layout(
    model: nn.Module, layout: Assignment
) -> tuple[list[Layer], dict[str, LayerPrecision]]:
    """Return everything that owns parameters, and the precision of each layer named.

    Layers that are tied to one of those get its precision.

    Raises
    ------
    InvalidLayoutError
        With every fault found.
    """
    layers = find_layers(model, lambda _, __: True)
    by_name = {name: layer for layer in layers for name in layer.names}
    faults: list[Fault] = []
    precisions: dict[str, LayerPrecision] = {}
    for given, precision in layout.items():
        path = f"layout[{given!r}]"
        name, _, call = given.partition("@")
        layer = by_name.get(name if call.isdecimal() else given)
        if layer is None:
            message = "the model has no such layer, or it owns no parameter"
            faults.append(Fault(path, message))
            continue
        try:
            parsed = parse(precision)
        except InvalidParameterError as error:
            faults.append(Fault(path, str(error)))
            continue
        before = precisions.setdefault(layer.name, parsed)
        if before != parsed:
            message = f"is {parsed.name!r}, but the same layer is {before.name!r} too"
            faults.append(Fault(path, message))
        device = next(iter(layer.parameters.values())).device
        if is_offloaded(layer.module):
            message = "its parameters are offloaded; load the model without that"
            faults.append(Fault(path, message))
            continue
        faults += [
            Fault(path, problem)
            for kind in (parsed.weight, parsed.input)
            if (problem := check_device(kind, device)) is not None
        ]
        _check_recurrent(layer, parsed.weight, path, faults)
    for tie in find_ties(layers):
        named = [name for name in tie if name in precisions]
        for name in tie if named else ():
            first = precisions[named[0]]
            own = precisions.setdefault(name, first)
            if own.weight != first.weight:
                message = (
                    f"is {own.name!r}, but shares a parameter with {named[0]!r}, "
                    f"which is {first.name!r}"
                )
                faults.append(Fault(f"layout[{name!r}]", message))
    if faults:
        raise InvalidLayoutError(faults)
    return layers, precisions


def _check_recurrent(
    layer: Layer, weight: Precision, path: str, faults: list[Fault]
) -> None:
    # torch's recurrent layers keep a list of their matrices, past parametrizations.
    if isinstance(layer.module, nn.RNNBase) and weight.dtype is None:
        message = f"recurrent layers take fp64, fp32, bf16, fp16. Got {weight.name!r}"
        if not isinstance(weight, Keep):
            faults.append(Fault(path, message))


def _convert(layer: Layer, precision: LayerPrecision, handle: Applied) -> None:
    own = _own_type(layer)
    if own is None:
        return
    dtype = compute_type(precision, own)
    if not isinstance(precision.weight, Keep) or dtype != own:
        for path in layer.parameters:
            handle.holder.hold(layer.module, path, precision.weight, dtype)
    handle.hook(layer, ConvertInputs(layer.name, precision.input, dtype))


def _own_type(layer: Layer) -> torch.dtype | None:
    """Return the type of a layer's parameters, None where they are no numbers."""
    kinds = (p.dtype for p in layer.parameters.values() if p.is_floating_point())
    return next(kinds, None)


def _change(
    layers: list[Layer],
    handle: Applied,
    backend: Backend,
    restored: torch.dtype | None,
) -> None:
    """Do what `apply_` says, after every check."""
    model, precisions = handle.model, handle.precisions
    chosen = {id(layer.module) for layer in layers if layer.name in precisions}
    types = {layer.name: _own_type(layer) or torch.float32 for layer in layers}
    by_kernel: set[str] = set()
    if backend == "torchao":
        by_kernel = apply_kernels(layers, precisions, handle.holder)
    done = {id(layer.module) for layer in layers}
    for layer in layers:
        if layer.name in by_kernel:
            own = types[layer.name]
            handle.hook(layer, ConvertInputs(layer.name, Keep(), own))
        elif id(layer.module) in chosen:
            _convert(layer, precisions[layer.name], handle)
        elif isinstance(layer.module, LAYER_TYPES):
            keep = LayerPrecision("keep", Keep(), Keep())
            _convert(layer, keep, handle)
        elif not any(layer.module.children()) and layer.module is not model:
            handle.wrap(layer.module, follow)
    for module in model.modules():
        has_buffers = any(b.is_floating_point() for b in module.buffers(recurse=False))
        is_leaf = not any(module.children())
        if id(module) not in done and has_buffers and is_leaf:
            handle.wrap(module, follow)
    handle.wrap(model, run_mixed, restored)


def _only_type(model: nn.Module) -> torch.dtype | None:
    """Return the one type of a model's parameters, or None where there are several."""
    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()}
    return kinds.pop() if len(kinds) == 1 else None
