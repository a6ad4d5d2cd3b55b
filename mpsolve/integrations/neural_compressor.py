"""Intel Neural Compressor 3.x: a weight-only configuration with local settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpsolve.integrations.assign import (
    Formats,
    Members,
    anchored,
    assign,
    integer_weights_only,
)
from mpsolve.integrations.formats import Format

__all__ = ["export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> dict[str, Any]:
    r"""Return the configuration of a layout, local settings by full name.

    The host reads names as regular expressions, so they are anchored and their dots
    escaped. What the layout does not name stays as it is.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds `dtype`,
        `bits`, `group_size` and `use_sym`.

    Returns
    -------
    dict
        For ``RTNConfig.from_dict``, and alike for its other weight-only methods.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express.

    Examples
    --------
    >>> list(export({"layers.1.fc": "int4g32"})["local"])
    ['^layers\\.1\\.fc$']
    """
    assigned = assign(layout, "Neural Compressor", _settings, formats, members)
    local = {anchored(one.module): one.value or {"dtype": "fp32"} for one in assigned}
    heads = (one.module.split(".")[-1] == "lm_head" and one.value for one in assigned)
    return {
        "local": local,
        "global": {"dtype": "fp32", "quant_lm_head": any(map(bool, heads))},
    }


def _settings(form: Format) -> dict[str, Any]:
    integer_weights_only(form, range(1, 9))
    return {
        "dtype": "int",
        "bits": form.bits,
        "group_size": -1 if form.group_size is None else form.group_size,
        "use_sym": form.symmetric,
    }
