"""ExLlamaV3: measurements of swapped layers, and overrides for ``recompile.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mpsolve.errors import Fault, InvalidLayoutError, InvalidParameterError
from mpsolve.integrations.assign import CannotExpressError, Formats, Members, assign
from mpsolve.integrations.exllamav3_measurement import members, problem
from mpsolve.integrations.formats import Format

__all__ = ["export", "members", "problem"]


def export(
    layout: Mapping[str, str],
    *,
    sources: Mapping[str, str],
    base: str | None = None,
    formats: Formats | None = None,
    members: Members | None = None,
) -> str:
    """Return the override file of a layout, one key ``full.name.*`` for each module.

    A precision of ExLlamaV3 is a quantized model, from which layers are taken.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    sources : mapping of str to str
        Folder of the quantized model of each precision.
    base : str, optional
        The precision of the model that is recompiled; its layers need no override.
    formats : mapping, optional
        Not used: what a precision is, its folder says.
    members : mapping of str to iterable of str, optional
        See :func:`mpsolve.integrations.export`.

    Returns
    -------
    str
        YAML for ``util/recompile.py --override``.

    Raises
    ------
    InvalidLayoutError
        With every layer whose precision has no source, and every module whose name is
        the beginning of another's with another precision.

    Examples
    --------
    >>> print(export({"model.layers.1.mlp": "4bpw"}, sources={"4bpw": "/models/4"}))
    sources:
    - {"id": "4bpw", "model_dir": "/models/4"}
    overrides:
    - {"key": "model.layers.1.mlp.*", "source": "4bpw"}
    """
    if formats:
        msg = "formats: a precision of ExLlamaV3 is a model; give its folder in sources"
        raise InvalidParameterError(msg)

    def source(precision: str) -> str:
        if precision == base or precision in sources:
            return precision
        known = ", ".join(sorted(sources))
        msg = f"it needs a folder in sources, which has {known}"
        raise CannotExpressError(msg)

    assigned = assign(layout, "ExLlamaV3", _never, None, members, _key, source)
    _refuse_nested({one.module: (one.layer, one.value) for one in assigned})
    used = {one.value for one in assigned if one.value != base}
    lines = ["sources:"]
    for precision in sorted(used):
        record = {"id": precision, "model_dir": sources[precision]}
        lines.append(f"- {json.dumps(record)}")
    lines.append("overrides:")
    for one in assigned:
        if one.value != base:
            record = {"key": f"{one.module}.*", "source": one.value}
            lines.append(f"- {json.dumps(record)}")
    return "\n".join(lines)


def _never(form: Format) -> str:
    msg = f"{form} is not looked at"
    raise CannotExpressError(msg)


def _key(module: str) -> str:
    if "*" in module:
        msg = "a '*' in a key matches anything"
        raise CannotExpressError(msg)
    return module


def _refuse_nested(modules: Mapping[str, tuple[str, str]]) -> None:
    faults = []
    for module, (layer, precision) in modules.items():
        parts = module.split(".")
        for end in range(1, len(parts)):
            parent = ".".join(parts[:end])
            if parent in modules and modules[parent][1] != precision:
                message = f"is inside {parent!r}, which gets {modules[parent][1]!r}"
                faults.append(Fault(f"choices[{layer!r}]", message))
    if faults:
        raise InvalidLayoutError(faults)
