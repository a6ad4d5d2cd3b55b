"""Intel AutoRound: its scheme scores, its method registry, its `layer_config`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mpsolve.integrations.assign import (
    Formats,
    Members,
    assign,
    most_common,
    one_of,
)
from mpsolve.integrations.auto_round_solver import plugged_in, register
from mpsolve.integrations.auto_round_state import dynamic_program, path, problem
from mpsolve.integrations.formats import Format

__all__ = [
    "dynamic_program",
    "export",
    "path",
    "plugged_in",
    "problem",
    "register",
]

#: How AutoRound writes "leave this layer as it is".
UNTOUCHED = {"bits": 16, "act_bits": 16, "data_type": "float"}

KINDS = {
    "int": "int",
    "fp8": "fp8",
    "nvfp4": "nv_fp",
    "mxfp4": "mx_fp",
    "mxfp8": "mx_fp",
}


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    others: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the `scheme` and `layer_config` of a layout.

    Every module of the layout is named in full, with its whole scheme. AutoRound gives
    `scheme` to the linear layers that `layer_config` does not name: list them in
    `others`, and they stay as they are.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds a scheme's
        ``bits``, ``group_size``, ``sym``, ….
    others : iterable of str
        Linear layers of the network that the layout does not name.

    Returns
    -------
    dict
        ``AutoRound(model, tokenizer, **config)``.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> config = export({"a": "int4g128", "b": "int8g128"}, others=["lm_head"])
    >>> config["layer_config"]["b"]["bits"], config["layer_config"]["lm_head"]["bits"]
    (8, 16)
    """
    assigned = assign(layout, "AutoRound", _scheme, formats, members)
    layers = {one.module: one.value or dict(UNTOUCHED) for one in assigned}
    layers |= {name: dict(UNTOUCHED) for name in others if name not in layers}
    return {"scheme": most_common(assigned, "AutoRound"), "layer_config": layers}


def _scheme(form: Format) -> dict[str, Any]:
    if form.kind == "int":
        one_of(form.bits, (2, 3, 4, 8), "the bits of a weight")
        one_of(form.activation_bits, (4, 8, 16), "the bits of an activation")
    group = -1 if form.group_size is None else form.group_size
    scheme = {
        "bits": form.bits,
        "group_size": group,
        "sym": form.symmetric,
        "data_type": KINDS[form.kind],
        "act_bits": form.activation_bits,
    }
    if not form.weight_only:
        scheme |= {
            "act_group_size": -1 if form.kind in ("int", "fp8") else group,
            "act_sym": True,
            "act_data_type": KINDS[form.kind],
            "act_dynamic": True,
        }
    return scheme
