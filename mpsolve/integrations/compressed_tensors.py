"""compressed-tensors, which llm-compressor writes and vLLM reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpsolve.integrations.assign import (
    CannotExpressError,
    Formats,
    Members,
    assign,
    hashable,
    one_of,
)
from mpsolve.integrations.formats import Format

__all__ = ["export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> dict[str, Any]:
    """Return the `config_groups` of a layout, every target a full name.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds ``weights``
        and ``input_activations``, each the arguments of `QuantizationArgs`.

    Returns
    -------
    dict
        For ``QuantizationConfig.model_validate`` of compressed-tensors; its
        ``config_groups`` and ``ignore`` are those of `QuantizationModifier`.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> config = export({"layers.1.fc": "w8a8", "layers.10.fc": "int4g128"})
    >>> config["config_groups"]["group_1"]["targets"]
    ['layers.10.fc']
    """
    assigned = assign(layout, "compressed-tensors", _scheme, formats, members, _name)
    groups: dict[Any, dict[str, Any]] = {}
    for one in assigned:
        if one.value is not None:
            group = groups.setdefault(hashable(one.value), {"targets": [], **one.value})
            group["targets"].append(one.module)
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {f"group_{i}": g for i, g in enumerate(groups.values())},
        "ignore": [one.module for one in assigned if one.value is None],
    }


def _name(module: str) -> str:
    if module.startswith("re:"):
        msg = "a target that begins with 're:' is a pattern"
        raise CannotExpressError(msg)
    return module


def _scheme(form: Format) -> dict[str, Any]:
    activations: dict[str, Any] | None
    if form.kind == "int":
        one_of(form.bits, range(2, 9), "the bits of a weight")
        weights = _args(form.bits, "int", symmetric=form.symmetric)
        weights |= (
            {"strategy": "channel"}
            if form.group_size is None
            else {"strategy": "group", "group_size": form.group_size}
        )
        one_of(form.activation_bits, (4, 8, 16), "the bits of an activation")
        activations = _args(form.activation_bits, "int") | {"strategy": "token"}
    elif form.kind == "fp8":
        weights = _args(8, "float") | {"strategy": "channel"}
        activations = _args(8, "float") | {"strategy": "token"}
    elif form.kind == "nvfp4":
        weights = _args(4, "float") | {
            "strategy": "tensor_group",
            "group_size": 16,
            "scale_dtype": "torch.float8_e4m3fn",
            "zp_dtype": "torch.float8_e4m3fn",
        }
        activations = weights | {"observer": "static_minmax"}
    else:
        weights = _args(form.bits, "float") | {
            "strategy": "group",
            "group_size": 32,
            "scale_dtype": "torch.uint8",
            "zp_dtype": "torch.uint8",
        }
        activations = dict(weights)
    if form.weight_only:
        activations = None
    else:
        activations["dynamic"] = "local" if form.kind == "nvfp4" else True
    return {"weights": weights, "input_activations": activations}


def _args(bits: int, kind: str, *, symmetric: bool = True) -> dict[str, Any]:
    return {"num_bits": bits, "type": kind, "symmetric": symmetric, "dynamic": False}
