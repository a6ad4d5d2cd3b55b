"""NVIDIA ModelOpt: its `auto_quantize` state, its solver, and its configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpsolve.integrations.assign import (
    CannotExpressError,
    Formats,
    Members,
    assign,
    one_of,
)
from mpsolve.integrations.formats import Format
from mpsolve.integrations.modelopt_solver import plugged_in
from mpsolve.integrations.modelopt_state import Choice, choices, problem, resolve

__all__ = [
    "Choice",
    "choices",
    "deployment",
    "export",
    "from_json",
    "plugged_in",
    "problem",
    "resolve",
]

#: Sign, exponent and mantissa of the small floats, in ModelOpt's way to write them.
E4M3, E2M1, E8M0 = (4, 3), (2, 1), (8, 0)


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    algorithm: str | None = "max",
) -> dict[str, Any]:
    """Return the `quant_cfg` of a layout, a rule for each module's quantizers.

    ModelOpt compares whole names with `fnmatch` patterns, and the last rule that
    matches counts. The first rule turns everything off; what follows are full names,
    whose special characters are escaped.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds the ``cfg``
        of ``weight_quantizer`` and, where activations are quantized,
        ``input_quantizer``.
    algorithm : str, optional
        How ModelOpt calibrates.

    Returns
    -------
    dict
        For ``mtq.quantize(model, config, forward_loop)``. JSON has neither tuples nor
        keys that are numbers: see `from_json` for what was in a file.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> export({"fc": "int4g128"})["quant_cfg"][1]["quantizer_name"]
    'fc.weight_quantizer'
    """
    rules: list[dict[str, Any]] = [{"quantizer_name": "*", "enable": False}]
    for one in assign(layout, "ModelOpt", _quantizers, formats, members):
        for quantizer, cfg in (one.value or {}).items():
            name = f"{_escaped(one.module)}.{quantizer}"
            rules.append({"quantizer_name": name, "cfg": cfg, "enable": True})
    return {"quant_cfg": rules, "algorithm": algorithm}


def from_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exported configuration as it was before it went through JSON.

    Parameters
    ----------
    config : mapping
        What a file holds.

    Returns
    -------
    dict
        For ``mtq.quantize``.

    Examples
    --------
    >>> import json
    >>> config = export({"fc": "nvfp4"})
    >>> from_json(json.loads(json.dumps(config))) == config
    True
    """

    def restored(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {_number(key): restored(entry) for key, entry in value.items()}
        if isinstance(value, list) and all(isinstance(x, int) for x in value):
            return tuple(value)
        return [restored(x) for x in value] if isinstance(value, list) else value

    return {key: restored(value) for key, value in config.items()}


def deployment(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    kv_cache: str | None = None,
) -> dict[str, Any]:
    """Return the ``hf_quant_config.json`` that TensorRT-LLM, vLLM and SGLang read.

    Parameters
    ----------
    layout, formats, members
        As for `export`; a dict of `formats` holds ``quant_algo`` and its settings.
    kv_cache : str, optional
        Algorithm of the key-value cache, such as ``"FP8"``.

    Returns
    -------
    dict

    Raises
    ------
    InvalidLayoutError
        With every layer that the engines have no algorithm for.

    Examples
    --------
    >>> deployment({"fc": "nvfp4"})["quantization"]["quantized_layers"]
    {'fc': {'quant_algo': 'NVFP4', 'group_size': 16}}
    """
    assigned = assign(layout, "hf_quant_config.json", _algorithm, formats, members)
    return {
        "producer": {"name": "modelopt"},
        "quantization": {
            "quant_algo": "MIXED_PRECISION",
            "kv_cache_quant_algo": kv_cache,
            "exclude_modules": [one.module for one in assigned if one.value is None],
            "quantized_layers": {
                one.module: one.value for one in assigned if one.value is not None
            },
        },
    }


def _number(key: str | int) -> str | int:
    return int(key) if str(key).lstrip("-").isdecimal() else key


def _escaped(module: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in module)


def _quantizers(form: Format) -> dict[str, dict[str, Any]]:
    activations: dict[str, Any]
    if form.kind == "int":
        if not form.symmetric:
            msg = "its integer formats have no zero point"
            raise CannotExpressError(msg)
        one_of(form.bits, range(2, 9), "the bits of a weight")
        weights: dict[str, Any] = {"num_bits": form.bits}
        if form.group_size is None:
            weights["axis"] = 0
        else:
            weights["block_sizes"] = {-1: form.group_size, "type": "static"}
        activations = {"num_bits": form.activation_bits, "axis": None}
    elif form.kind == "fp8":
        weights = {"num_bits": E4M3, "axis": None}
        activations = dict(weights)
    else:
        blocks = {
            -1: form.group_size,
            "type": "dynamic",
            "scale_bits": E4M3 if form.kind == "nvfp4" else E8M0,
        }
        element = E4M3 if form.kind == "mxfp8" else E2M1
        weights = {"num_bits": element, "block_sizes": blocks}
        activations = {"num_bits": element, "block_sizes": dict(blocks)}
    quantizers = {"weight_quantizer": weights}
    if not form.weight_only:
        quantizers["input_quantizer"] = activations
    return quantizers


def _algorithm(form: Format) -> dict[str, Any]:
    known: dict[tuple[str, int, int], dict[str, Any]] = {
        ("fp8", 8, 8): {"quant_algo": "FP8"},
        ("nvfp4", 4, 4): {"quant_algo": "NVFP4", "group_size": 16},
        ("nvfp4", 4, 16): {"quant_algo": "W4A16_NVFP4", "group_size": 16},
        ("mxfp8", 8, 8): {"quant_algo": "MXFP8", "group_size": 32},
        ("mxfp4", 4, 4): {"quant_algo": "MXFP4", "group_size": 32},
        ("int", 8, 16): {"quant_algo": "W8A16"},
        ("int", 4, 16): {"quant_algo": "W4A16_AWQ", "group_size": form.group_size},
        ("int", 4, 8): {"quant_algo": "W4A8_AWQ", "group_size": form.group_size},
        ("int", 8, 8): {"quant_algo": "W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN"},
    }
    found = known.get((form.kind, form.bits, form.activation_bits))
    if found is None or (found.get("group_size", 1) is None):
        names = ", ".join(sorted(entry["quant_algo"] for entry in known.values()))
        msg = f"{form} is none of {names} (4 bit integers need a group size)"
        raise CannotExpressError(msg)
    return found
