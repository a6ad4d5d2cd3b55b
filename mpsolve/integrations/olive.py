"""Microsoft Olive: the `mixed_precision_info` attribute of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mpsolve.integrations.assign import (
    Formats,
    Members,
    assign,
    integer_weights_only,
    most_common,
)
from mpsolve.integrations.formats import Format

__all__ = ["export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    others: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the `mixed_precision_info` of a layout, overrides by full name.

    Olive's later passes (`Gptq`, `Rtn`, …) read it from the model's attributes, and
    give the default to what no override names: list such layers in `others`, and
    they stay as they are.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds `bits`,
        `group_size` and `symmetric`.
    others : iterable of str
        Linear layers of the network that the layout does not name.

    Returns
    -------
    dict
        To be merged into ``model_attributes``.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> info = export({"a": "int4g32", "b": "int8g32", "c": "int4g32"})
    >>> info["mixed_precision_info"]["overrides"]
    {'b': {'bits': 8, 'group_size': 32, 'symmetric': True}}
    """
    assigned = assign(layout, "Olive", _bits, formats, members)
    default = most_common(assigned, "Olive")
    skipped = [one.module for one in assigned if one.value is None]
    skipped += [name for name in others if name not in skipped]
    info: dict[str, Any] = {
        "default": dict(default),
        "overrides": {
            one.module: one.value
            for one in assigned
            if one.value is not None and one.value != default
        },
    }
    if skipped:
        info["default"]["modules_to_not_convert"] = skipped
    return {"mixed_precision_info": info}


def _bits(form: Format) -> dict[str, Any]:
    integer_weights_only(form, (2, 4, 8))
    group = -1 if form.group_size is None else form.group_size
    return {"bits": form.bits, "group_size": group, "symmetric": form.symmetric}
