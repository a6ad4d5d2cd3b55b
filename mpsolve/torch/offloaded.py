"""Parameters that are elsewhere until their layer runs: accelerate's offloading.

``device_map="auto"`` leaves on the meta device what does not fit, and fetches it from
memory or from a disk around each call. It does so inside the module's `forward`, which
it replaces: hooks of torch run before the parameters are there.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["execution_device", "is_offloaded", "is_wrapped", "stored"]


def is_offloaded(model: torch.nn.Module) -> bool:
    """Whether parameters of a model are fetched when they are needed."""
    return any(_offloading(module) is not None for module in model.modules())


def is_wrapped(module: torch.nn.Module) -> bool:
    """Whether a module's own `forward` stands inside one that fetches parameters."""
    return _offloading(module) is not None and hasattr(module, "_old_forward")


def stored(module: torch.nn.Module, name: str) -> torch.Tensor | None:
    """Return a module's own parameter from where it is kept, on the device it runs on.

    None where it is not offloaded, or is there at the moment.
    """
    hook = _offloading(module)
    held = module._parameters.get(name)  # noqa: SLF001 (getattr finds buffers too)
    if hook is None or held is None or held.device.type != "meta":
        return None
    value: torch.Tensor = hook.weights_map[name]
    return value.to(hook.execution_device, held.dtype)


def execution_device(model: torch.nn.Module) -> torch.device:
    """Return where a model takes its inputs: its first parameter's device.

    That of the first layer's computation where the parameter is offloaded.
    """
    first = next(model.parameters()).device
    if first.type != "meta":
        return first
    hooks = (_offloading(module) for module in model.modules())
    places = (h.execution_device for h in hooks if h is not None)
    return torch.device(next(places, first))


def _offloading(module: torch.nn.Module) -> Any:
    """Return what fetches a module's parameters, or None."""
    hook: Any = getattr(module, "_hf_hook", None)
    for one in getattr(hook, "hooks", (hook,)):
        if getattr(one, "offload", False) and getattr(one, "weights_map", None):
            return one
    return None
