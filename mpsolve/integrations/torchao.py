"""torchao: one configuration for each fully qualified name."""

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
from mpsolve.integrations.versions import require_host

__all__ = ["config", "export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> dict[str, Any]:
    """Return the `FqnToConfig` of a layout, as torchao writes it to JSON.

    Weights in integers without quantized activations become `IntxWeightOnlyConfig`,
    which runs on every device; faster kernels of one device are a dict of `formats`.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` is a
        configuration as torchao's ``config_to_dict`` writes it.

    Returns
    -------
    dict
        For ``config_from_dict`` of torchao; see `config`.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> export({"fc": "w8a8"})["_data"]["fqn_to_config"]["fc"]["_type"]
    'Int8DynamicActivationInt8WeightConfig'
    """
    assigned = assign(layout, "torchao", _config, formats, members, _name)
    by_name = {one.module: one.value for one in assigned}
    return _typed("FqnToConfig", 1, {"fqn_to_config": by_name})


def config(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> Any:
    """Return the layout as a `FqnToConfig` object, for ``quantize_``.

    Apply it with ``quantize_(model, config, filter_fn=None)``.

    Parameters
    ----------
    layout, formats, members
        As for `export`.

    Returns
    -------
    torchao.quantization.FqnToConfig

    Raises
    ------
    MethodUnavailableError
        If torchao is missing or of a version that was not tested.
    """
    require_host("torchao")
    from torchao.core.config import config_from_dict

    return config_from_dict(export(layout, formats=formats, members=members))


def _name(module: str) -> str:
    if module.startswith("re:") or module == "_default":
        msg = f"{module!r} is a pattern or the default there"
        raise CannotExpressError(msg)
    return module


def _typed(name: str, version: int | None, data: Any) -> dict[str, Any]:
    record: dict[str, Any] = {"_type": name, "_data": data}
    return record if version is None else {**record, "_version": version}


def _config(form: Format) -> dict[str, Any]:
    if form.kind == "fp8":
        name = "Float8WeightOnlyConfig"
        if not form.weight_only:
            name = "Float8DynamicActivationFloat8WeightConfig"
        return _typed(name, 2, {"granularity": _typed("PerRow", 1, {})})
    if form.kind != "int":
        msg = f"{form.kind} is a prototype there; give its configuration in formats"
        raise CannotExpressError(msg)
    one_of(form.bits, range(1, 9), "the bits of a weight")
    one_of(form.activation_bits, (8, 16), "the bits of an activation")
    mapping = _typed(
        "MappingType", None, "SYMMETRIC" if form.symmetric else "ASYMMETRIC"
    )
    granularity = (
        _typed("PerAxis", 1, {"axis": 0})
        if form.group_size is None
        else _typed("PerGroup", 1, {"group_size": form.group_size})
    )
    dtype = _typed("torch.dtype", None, f"int{form.bits}")
    if form.weight_only:
        data = {"weight_dtype": dtype, "granularity": granularity}
        return _typed("IntxWeightOnlyConfig", 2, data | {"mapping_type": mapping})
    if form.bits == 8 and form.group_size is None and form.symmetric:
        return _typed("Int8DynamicActivationInt8WeightConfig", 2, {})
    data = {"weight_dtype": dtype, "weight_granularity": granularity}
    data["weight_mapping_type"] = mapping
    return _typed("Int8DynamicActivationIntxWeightConfig", 2, data)
