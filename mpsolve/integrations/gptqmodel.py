"""GPTQModel, whose `dynamic` rules vLLM and SGLang read as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpsolve.integrations.assign import (
    CannotExpressError,
    Formats,
    Members,
    anchored,
    assign,
    integer_weights_only,
    most_common,
)
from mpsolve.integrations.formats import Format
from mpsolve.integrations.fusion import fused_names

__all__ = ["export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    engine: str | None = None,
) -> dict[str, Any]:
    r"""Return the ``quantize_config.json`` of a layout.

    Every quantized module has a rule of its own, ``+:^full\.name$`` with its bits. One
    more, ``-:``, matches every full name but those, and leaves these modules as they
    are: the rules are right in whatever order a host reads them.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds what
        overrides a module's `bits`, `group_size`, `sym`, ….
    engine : {"vllm", "sglang", "tensorrt-llm"}, optional
        Also name the modules into which this serving engine fuses others
        (``qkv_proj``), as it looks its own names up.

    Returns
    -------
    dict
        For ``QuantizeConfig.from_quant_config`` of GPTQModel.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> list(export({"layers.1.fc": "int4g128"})["dynamic"])
    ['+:^layers\\.1\\.fc$', '-:^(?!(?:layers\\.1\\.fc|fc)$)']
    """
    assigned = assign(layout, "GPTQModel", _bits, formats, members)
    default = most_common(assigned, "GPTQModel")
    by_module = {one.module: one.value for one in assigned}
    if engine is not None:
        by_module |= fused_names(by_module, engine)
    quantized = {module: value for module, value in by_module.items() if value}
    dynamic = {f"+:{anchored(module)}": value for module, value in quantized.items()}
    # It also asks about names within a block, and drops what a "-:" rule matches there.
    known = dict.fromkeys([*quantized, *map(_within_block, quantized)])
    named = "|".join(anchored(name, start="", end="") for name in known)
    dynamic[f"-:^(?!(?:{named})$)"] = {}
    is_head = any(module.split(".")[-1] == "lm_head" for module in quantized)
    return {
        **default,
        "quant_method": "gptq",
        "checkpoint_format": "gptq",
        "lm_head": is_head,
        "dynamic": dynamic,
    }


def _within_block(module: str) -> str:
    """Return ``mlp.fc`` of ``model.layers.1.mlp.fc``: what follows the first number."""
    parts = module.split(".")
    numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
    return ".".join(parts[numbers[0] + 1 :]) if numbers else module


def _bits(form: Format) -> dict[str, Any]:
    integer_weights_only(form, (2, 3, 4, 8))
    group = -1 if form.group_size is None else form.group_size
    allowed = (-1, 16, 32, 64, 128, 256, 512, 1024)
    if group not in allowed:
        sizes = ", ".join(map(str, allowed))
        msg = f"the group size must be one of {sizes}. Got {group}"
        raise CannotExpressError(msg)
    return {"bits": form.bits, "group_size": group, "sym": form.symmetric}
