"""A layout as arguments of ``nncf.compress_weights`` and the set of 4 bit weights.

NNCF has no configuration by layer: one 4 bit mode, one backup mode, and a criterion
that chooses. What is exported are those modes and the names of the 4 bit weights;
`compress` hands both to NNCF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpsolve.errors import Fault, InvalidLayoutError, InvalidParameterError
from mpsolve.integrations.assign import (
    Assigned,
    Formats,
    Members,
    assign,
    integer_weights_only,
)
from mpsolve.integrations.formats import Format
from mpsolve.integrations.nncf_criterion import replaced_choice

__all__ = ["compress", "export"]


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> dict[str, Any]:
    """Return the modes of a layout and the full names of its weights by precision.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer: one format of 4 bits, and beside it 8 bit integers or
        layers that stay as they are, not both.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`.

    Returns
    -------
    dict
        ``arguments`` of ``nncf.compress_weights``, and ``int4``, ``backup``: names of
        weights. For `compress`.

    Raises
    ------
    InvalidLayoutError
        With every layer that NNCF cannot express beside the others.

    Examples
    --------
    >>> config = export({"a": "int4g64", "b": "int8"})
    >>> config["arguments"]["mode"], config["arguments"]["backup_mode"], config["int4"]
    ('int4_sym', 'int8_sym', ['a.weight'])
    """
    assigned = assign(layout, "NNCF", _mode, formats, members, _weight)
    primary = [one for one in assigned if one.value and one.value["bits"] == 4]
    eight = [one for one in assigned if one.value and one.value["bits"] == 8]
    untouched = [one for one in assigned if one.value is None]
    faults: list[Fault] = []
    _refuse_others(primary, "4 bit", faults)
    _refuse_others(eight, "8 bit", faults)
    if eight and untouched:
        faults += [
            Fault(
                f"choices[{one.layer!r}]",
                "NNCF cannot express it: layers without 4 bits share one backup mode, "
                f"and {eight[0].layer!r} has 8 bits",
            )
            for one in untouched
        ]
    if not primary:
        message = "NNCF cannot express it: a layout needs layers of 4 bits"
        faults.append(Fault("choices", message))
    if faults:
        raise InvalidLayoutError(faults)
    form = primary[0].value
    arguments: dict[str, Any] = {
        "mode": "int4_sym" if form["symmetric"] else "int4_asym",
        "group_size": form["group_size"],
        "backup_mode": "none",
        "all_layers": True,
    }
    if eight:
        symmetric = eight[0].value["symmetric"]
        arguments["backup_mode"] = "int8_sym" if symmetric else "int8_asym"
    return {
        "arguments": arguments,
        "int4": [one.module for one in primary],
        "backup": [one.module for one in [*eight, *untouched]],
    }


def compress(model: Any, config: Mapping[str, Any], **options: Any) -> Any:
    """Compress a model as an exported layout says, by NNCF.

    Parameters
    ----------
    model : torch.nn.Module, openvino.Model or onnx.ModelProto
    config : mapping
        What `export` returned, or its JSON.
    **options
        Of ``nncf.compress_weights``: `dataset`, `ignored_scope`, ….

    Returns
    -------
    The compressed model.

    Raises
    ------
    MethodUnavailableError
        If NNCF is missing, or its version was not tested.
    InvalidLayoutError
        With every weight that only one of layout and model has.
    InvalidParameterError
        If `config` is not what `export` returns.
    """
    missing = [key for key in ("arguments", "int4", "backup") if key not in config]
    if missing:
        msg = f"config must be what export returned; it lacks {', '.join(missing)}"
        raise InvalidParameterError(msg)
    wanted, known = set(config["int4"]), set(config["int4"]) | set(config["backup"])

    def select(criterion: Any, scores: list[float], parameters: list[Any]) -> list[int]:
        names = [one.weight_name for one in parameters]
        faults = [
            Fault(name, "the model has no weight of that name for NNCF to compress")
            for name in sorted(known - set(names))
        ]
        faults += [
            Fault(name, "NNCF compresses it; name it in the layout or in ignored_scope")
            for name in names
            if name not in known
        ]
        if faults:
            raise InvalidLayoutError(faults)
        return [i for i, name in enumerate(names) if name in wanted]

    arguments = dict(config["arguments"])
    with replaced_choice(select):
        import nncf

        arguments["mode"] = nncf.CompressWeightsMode(arguments["mode"])
        arguments["backup_mode"] = nncf.BackupMode(arguments["backup_mode"])
        # A ratio of 1 would skip the criterion; any other is ignored by it here.
        return nncf.compress_weights(model, **{"ratio": 0.5, **arguments, **options})


def _weight(module: str) -> str:
    return module if module.endswith(".weight") else f"{module}.weight"


def _mode(form: Format) -> dict[str, Any]:
    integer_weights_only(form, (4, 8))
    return {
        "bits": form.bits,
        "group_size": -1 if form.group_size is None else form.group_size,
        "symmetric": form.symmetric,
    }


def _refuse_others(group: list[Assigned], what: str, faults: list[Fault]) -> None:
    faults += [
        Fault(
            f"choices[{one.layer!r}]",
            f"NNCF cannot express it: all {what} layers must have the format of "
            f"{group[0].layer!r}",
        )
        for one in group
        if one.value != group[0].value
    ]
    if what == "8 bit" and group and group[0].value["group_size"] != -1:
        message = "NNCF cannot express it: 8 bit is one scale per output channel there"
        faults.append(Fault(f"choices[{group[0].layer!r}]", message))
