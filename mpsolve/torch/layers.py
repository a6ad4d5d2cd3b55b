"""The layers of a model: the modules that own a weight matrix, and what they share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from mpsolve.errors import InvalidParameterError
from mpsolve.model.faults import Faults

__all__ = ["LAYER_TYPES", "Filter", "Layer", "Pattern", "find_layers", "find_ties"]

#: What is a layer where no filter says otherwise.
LAYER_TYPES: tuple[type[nn.Module], ...] = (
    nn.Linear,
    _ConvNd,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.Bilinear,
    nn.MultiheadAttention,
    nn.RNNBase,
)

#: Modules that compute with the parameters of the modules inside them, without calling
#: those: one layer each, with all parameters beneath.
WHOLE_TYPES: tuple[type[nn.Module], ...] = (nn.MultiheadAttention, nn.RNNBase)

#: Takes a module and its fully qualified name; True where it is a layer.
Filter = Callable[[nn.Module, str], bool]

#: A glob of names (``"layer1.*"``), ``"re:"`` and a regular expression, or a type.
Pattern = str | type[nn.Module]


@dataclass(frozen=True, eq=False)
class Layer:
    """A module that gets a precision.

    Attributes
    ----------
    name : str
        Fully qualified name, that of its first appearance.
    module : torch.nn.Module
    names : tuple of str
        All fully qualified names under which the model holds the module.
    parameters : dict of str to torch.nn.Parameter
        By the name within the module.
    kind : str
        Name of the module's class.
    tied : tuple of str
        Names of the other layers that share a parameter with it.
    """

    name: str
    module: nn.Module
    names: tuple[str, ...]
    parameters: dict[str, nn.Parameter]
    kind: str
    tied: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.kind})"


def find_layers(
    model: nn.Module,
    filter_fn: Filter | None = None,
    patterns: Pattern | Iterable[Pattern] | None = None,
) -> list[Layer]:
    """Return the layers of a model, in the order in which it registers them.

    Parameters
    ----------
    model : torch.nn.Module
    filter_fn : callable, optional
        ``filter_fn(module, fqn)`` is True for a layer. Where it is missing, layers are
        the modules of `LAYER_TYPES`. Modules that own no parameter are never layers.
        Attention and recurrent modules of torch are one layer with all parameters
        beneath them: they never call the modules that they hold.
    patterns : str, type, or iterable of them, optional
        Only layers that at least one of these selects: a glob of fully qualified names,
        ``"re:"`` and a regular expression that the whole name must match, or a class.

    Returns
    -------
    list of Layer

    Raises
    ------
    InvalidProblemError
        If the model has no layer, or a pattern or the filter selects none.
    InvalidParameterError
        If `model` is no module, or a pattern is neither a string nor a class.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> find_layers(model)
    [Layer('0', Linear), Layer('2', Linear)]
    >>> find_layers(model, patterns="re:[12]")
    [Layer('2', Linear)]
    """
    if not isinstance(model, nn.Module):
        msg = f"model must be a torch.nn.Module. Got {type(model).__name__}"
        raise InvalidParameterError(msg)
    chosen = filter_fn or _is_layer
    names: dict[int, list[str]] = {}
    modules: dict[int, nn.Module] = {}
    whole: set[int] = set()
    for name, module in model.named_modules(remove_duplicate=False):
        key = id(module)
        if key in names:
            names[key].append(name)
        elif key not in whole and chosen(module, name) and any(_owned(module)):
            names[key], modules[key] = [name], module
            if isinstance(module, WHOLE_TYPES):
                whole.update(id(inner) for inner in module.modules())
    faults = Faults()
    if not modules:
        _no_layers(model, filter_fn, faults)
    kept = _select(names, modules, patterns, faults)
    faults.raise_if_any()
    parameters = {key: dict(_owned(modules[key])) for key in kept}
    sharing = _sharing(parameters.values())
    firsts = [names[key][0] for key in kept]
    return [
        Layer(
            name=names[key][0],
            module=modules[key],
            names=tuple(names[key]),
            parameters=parameters[key],
            kind=type(modules[key]).__name__,
            tied=tuple(firsts[j] for j in sorted(sharing[i] - {i})),
        )
        for i, key in enumerate(kept)
    ]


def find_ties(layers: Sequence[Layer]) -> list[tuple[str, ...]]:
    """Return the sets of layers that must get the same precision.

    Parameters
    ----------
    layers : sequence of Layer

    Returns
    -------
    list of tuple of str
        Names of layers that share parameters, directly or through others; sets of two
        and more, in the order of the layers.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Embedding(8, 4), nn.Linear(4, 8, bias=False))
    >>> model[1].weight = model[0].weight
    >>> find_ties(find_layers(model))
    [('0', '1')]
    """
    position = {layer.name: i for i, layer in enumerate(layers)}
    root = list(range(len(layers)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = i = root[root[i]]
        return i

    for i, layer in enumerate(layers):
        for other in layer.tied:
            if other in position:
                a, b = sorted((find(i), find(position[other])))
                root[b] = a
    sets: dict[int, list[str]] = {}
    for i, layer in enumerate(layers):
        sets.setdefault(find(i), []).append(layer.name)
    return [tuple(names) for names in sets.values() if len(names) > 1]


def _is_layer(module: nn.Module, _: str) -> bool:
    return isinstance(module, LAYER_TYPES)


def _owned(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters that belong to a layer."""
    yield from module.named_parameters(recurse=isinstance(module, WHOLE_TYPES))


def _no_layers(model: nn.Module, filter_fn: Filter | None, faults: Faults) -> None:
    if not any(True for _ in model.parameters()):
        faults.add("model", f"{type(model).__name__} has no parameters")
    elif filter_fn is not None:
        faults.add("filter_fn", "selects no module that owns a parameter")
    else:
        known = ", ".join(kind.__name__.lstrip("_") for kind in LAYER_TYPES)
        faults.add("model", f"has no layer; layers are {known}. Pass filter_fn")
    faults.raise_if_any()


def _select(
    names: dict[int, list[str]],
    modules: dict[int, nn.Module],
    patterns: Pattern | Iterable[Pattern] | None,
    faults: Faults,
) -> list[int]:
    """Return the keys that the patterns select, all where there are none."""
    if patterns is None:
        return list(names)
    given = [patterns] if isinstance(patterns, str | type) else list(patterns)
    kept: set[int] = set()
    for i, pattern in enumerate(given):
        matches = _matcher(pattern, i)
        found = {
            key
            for key, module in modules.items()
            if any(matches(name, module) for name in names[key])
        }
        if not found:
            some = ", ".join(name for name, *_ in list(names.values())[:8])
            more = ", …" if len(names) > 8 else ""
            message = f"{pattern!r} selects no layer; layers are {some}{more}"
            faults.add(f"patterns[{i}]", message)
        kept |= found
    if not given:
        faults.add("patterns", "must not be empty")
    return [key for key in names if key in kept]


def _matcher(pattern: Pattern, position: int) -> Callable[[str, nn.Module], bool]:
    if isinstance(pattern, type):
        kind = pattern
        return lambda _, module: isinstance(module, kind)
    if not isinstance(pattern, str):
        msg = f"patterns[{position}] must be a string or a class. Got {pattern!r}"
        raise InvalidParameterError(msg)
    if pattern.startswith("re:"):
        try:
            expression = re.compile(pattern.removeprefix("re:"))
        except re.error as error:
            msg = f"patterns[{position}]: {pattern!r} is no regular expression: {error}"
            raise InvalidParameterError(msg) from error
        return lambda name, _: expression.fullmatch(name) is not None
    return lambda name, _: fnmatchcase(name, pattern)


def _sharing(parameters: Iterable[dict[str, nn.Parameter]]) -> list[set[int]]:
    """Return for each layer the positions of those that share memory with it."""
    owners: dict[object, set[int]] = {}
    keys = [{_memory(p) for p in owned.values()} for owned in parameters]
    for i, owned in enumerate(keys):
        for key in owned:
            owners.setdefault(key, set()).add(i)
    return [
        set().union(*(owners[key] for key in owned)) if owned else {i}
        for i, owned in enumerate(keys)
    ]


def _memory(tensor: Tensor) -> object:
    """Return what is equal for tensors that share memory."""
    # Tensors without memory (meta, fake, sharded) are told apart by identity alone.
    try:
        address = tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return id(tensor)
    return ("address", str(tensor.device), address) if address else id(tensor)
