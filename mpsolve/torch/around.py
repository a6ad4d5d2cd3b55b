"""Code around a module's own computation, while it holds its parameters.

FSDP2 gathers a module's parameters in hooks before it runs, and takes them away in
hooks after it. accelerate's offloading fetches them inside of the `forward` that it put
in place of the module's own, which no hook reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from mpsolve.torch.offloaded import is_wrapped

__all__ = ["Enter", "around"]

#: Of (args, kwargs, stack): returns the arguments that the module is to get, and may
#: enter context managers on the stack, which is closed when the module has run.
Enter = Callable[[Any, Any, ExitStack], tuple[Any, Any]]


@contextmanager
def around(module: torch.nn.Module, enter: Enter) -> Iterator[None]:
    """Let every call of a module run inside of what `enter` enters.

    Examples
    --------
    >>> def double(args, kwargs, stack):
    ...     return (2 * args[0],), kwargs
    >>> module = torch.nn.Identity()
    >>> with around(module, double):
    ...     module(torch.ones(2))
    tensor([2., 2.])
    """
    if is_wrapped(module):
        with _inside(module, enter):
            yield
        return
    stacks: list[ExitStack] = []

    def before(_: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        stacks.append(ExitStack())
        return enter(args, kwargs, stacks[-1])

    def after(*_: Any) -> None:
        if stacks:
            stacks.pop().close()

    handles = [
        module.register_forward_pre_hook(before, with_kwargs=True),
        # Before FSDP2's, which puts the sharded parameters back into the module.
        module.register_forward_hook(after, prepend=True, always_call=True),
    ]
    try:
        yield
    finally:
        after()
        for handle in handles:
            handle.remove()


@contextmanager
def _inside(module: Any, enter: Enter) -> Iterator[None]:
    inner = module._old_forward  # noqa: SLF001 (accelerate's name)

    def forward(*args: Any, **kwargs: Any) -> Any:
        with ExitStack() as stack:
            args, kwargs = enter(args, kwargs, stack)
            return inner(*args, **kwargs)

    module._old_forward = forward  # noqa: SLF001
    try:
        yield
    finally:
        module._old_forward = inner  # noqa: SLF001
