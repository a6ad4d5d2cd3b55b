"""mlx-lm: the `quantization` entry of a model's ``config.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mpsolve.integrations.assign import (
    CannotExpressError,
    Formats,
    Members,
    assign,
    integer_weights_only,
    most_common,
    one_of,
)
from mpsolve.integrations.formats import Format

__all__ = ["export", "predicate"]

#: Group sizes and bits that mlx has kernels for.
GROUP_SIZES = (32, 64, 128)
BITS = (2, 3, 4, 5, 6, 8)


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> dict[str, Any]:
    """Return the `quantization` entry of a layout: full module paths, no pattern.

    Integers are mlx's affine ones: scale and bias for each group of a row.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer; layers carry mlx's paths.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds `bits`,
        `group_size` and `mode`.

    Returns
    -------
    dict
        To be merged into ``config.json``.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> export({"a": "int4g64", "b": "fp16"})
    {'quantization': {'bits': 4, 'group_size': 64, 'mode': 'affine',
                      'a': {'bits': 4, 'group_size': 64, 'mode': 'affine'}, 'b': False}}
    """
    assigned = assign(layout, "mlx", _affine, formats, members, _path)
    default = most_common(assigned, "mlx")
    named = {one.module: one.value or False for one in assigned}
    return {"quantization": {**default, **named}}


def predicate(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> Callable[[str, Any], bool | dict[str, Any]]:
    """Return the layout as a `quant_predicate` for mlx-lm's ``convert``.

    Parameters
    ----------
    layout, formats, members
        As for `export`.

    Returns
    -------
    callable
        From a module's path and the module to its words, or False: leave it alone,
        as all that the layout does not name.

    Examples
    --------
    >>> choose = predicate({"layers.1.fc": "int4g64"})
    >>> choose("layers.1.fc", None)["bits"], choose("layers.10.fc", None)
    (4, False)
    """
    assigned = assign(layout, "mlx", _affine, formats, members, _path)
    named = {one.module: one.value or False for one in assigned}
    return lambda path, module: named.get(path, False)


def _path(module: str) -> str:
    if module in ("bits", "group_size", "mode"):
        msg = f"{module!r} is a setting there, not a path"
        raise CannotExpressError(msg)
    return module


def _affine(form: Format) -> dict[str, Any]:
    if form.kind in ("nvfp4", "mxfp4", "mxfp8") and form.weight_only:
        return {"bits": form.bits, "group_size": form.group_size, "mode": form.kind}
    integer_weights_only(form, BITS)
    one_of(form.group_size, GROUP_SIZES, "the group size")
    return {"bits": form.bits, "group_size": form.group_size, "mode": "affine"}
