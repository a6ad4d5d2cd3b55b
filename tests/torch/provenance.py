"""Where a tensor comes from, found while a model runs: no graph is read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def key(value: Any) -> int:
    """Return the address of what a tensor object stands for; they can be swapped."""
    return value._cdata if isinstance(value, Tensor) else id(value)


class Provenance(TorchDispatchMode):
    """Notes which layers' outputs every tensor is made of, and what layers read.

    Attributes
    ----------
    edges : list of (producer, type of its output, consumer, type it computes in)
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = layers
        self.sources: dict[int, frozenset[tuple[str, torch.dtype]]] = {}
        self.alive: list[Any] = []
        self.edges: set[tuple[str, torch.dtype, str, torch.dtype]] = set()
        self.arrived: dict[str, frozenset[tuple[str, torch.dtype]]] = {}
        self.hooks: list[Any] = []

    def __enter__(self):
        for name, module in self.layers.items():
            before = self.before(name)
            register = module.register_forward_pre_hook
            self.hooks.append(register(before, prepend=True))
            self.hooks.append(module.register_forward_hook(self.after(name)))
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        for hook in self.hooks:
            hook.remove()

    def before(self, name):
        def hook(_, args):
            self.arrived[name] = self.of(args)

        return hook

    def after(self, name):
        def hook(_, __, output):
            for producer, dtype in self.arrived[name]:
                self.edges.add((producer, dtype, name, output.dtype))
            self.sources[key(output)] = frozenset({(name, output.dtype)})
            self.alive.append(output)

        return hook

    def of(self, values):
        found = (self.sources.get(key(v), frozenset()) for v in tree_leaves(values))
        return frozenset().union(*found)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        sources = self.of((args, kwargs or {}))
        output = func(*args, **(kwargs or {}))
        for value in tree_leaves(output):
            if isinstance(value, Tensor):
                self.sources[key(value)] = self.sources.get(key(value), frozenset())
                self.sources[key(value)] |= sources
                # No other tensor may get its address while this runs.
                self.alive.append(value)
        return output
