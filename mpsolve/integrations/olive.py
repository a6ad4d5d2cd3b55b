"""Microsoft Olive: the `mixed_precision_info` attribute of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mpsolve.errors import Fault, InvalidLayoutError
from mpsolve.integrations.assign import (
    Formats,
    Members,
    assign,
    hashable,
    integer_weights_only,
    most_common,
)
from mpsolve.integrations.formats import Format
from mpsolve.integrations.fusion import Engine, fused_names

__all__ = ["export"]

#: What Olive's own code takes for the head and for the embedding.
HEADS = {"lm_head"}
EMBEDDINGS = {"embed_tokens", "embed_in", "word_embeddings", "wte"}

#: What it promotes to one precision.
ENGINE = Engine("Olive", {"qkv_proj": ("q_proj", "k_proj", "v_proj")})

CANNOT_LEAVE = (
    "Olive cannot leave a layer as it is, but the output head and the embedding; "
    "give it a precision"
)


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
    others: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the `mixed_precision_info` of a layout, overrides by full name.

    Olive's later passes (`Rtn`, `Gptq`, …) read it from the model's attributes, and
    give the default to every linear layer that no override names: no layer can be left
    as it is, but the output head and the embedding, which they leave alone unless the
    layout quantizes them. They also give the query, key and value of a block the
    widest of their precisions, so that a layout must agree there.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    formats, members : mapping, optional
        See :func:`mpsolve.integrations.export`. A dict of `formats` holds `bits`,
        `group_size` and `symmetric`.
    others : iterable of str
        Linear layers of the network that the layout does not name, and that must stay
        as they are.

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
    kept = {one.module: one.layer for one in assigned if one.value is None}
    kept |= {name: name for name in others}
    faults = [
        Fault(f"choices[{layer!r}]", f"{CANNOT_LEAVE}. Got {module!r}")
        for module, layer in kept.items()
        if _last(module) not in HEADS | EMBEDDINGS
    ]
    if faults:
        raise InvalidLayoutError(faults)
    default = most_common(assigned, "Olive")
    quantized = {one.module: one.value for one in assigned if one.value is not None}
    fused_names({name: hashable(value) for name, value in quantized.items()}, ENGINE)
    ends = {_last(module) for module in quantized}
    info = {
        "default": {
            **default,
            "lm_head": not ends.isdisjoint(HEADS),
            "embeds": not ends.isdisjoint(EMBEDDINGS),
        },
        "overrides": {n: v for n, v in quantized.items() if v != default},
    }
    return {"mixed_precision_info": info}


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def _bits(form: Format) -> dict[str, Any]:
    integer_weights_only(form, (2, 4, 8))
    group = -1 if form.group_size is None else form.group_size
    return {"bits": form.bits, "group_size": group, "symmetric": form.symmetric}
