"""From a layout to what each module of a network gets: shared by all writers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mpsolve.errors import Fault, InvalidLayoutError, InvalidParameterError
from mpsolve.integrations.formats import Format, as_format, parse_format
from mpsolve.model.faults import MOST_FAULTS

__all__ = ["Assigned", "CannotExpressError", "Formats", "Members", "assign"]

#: What a precision means: a name of the grammar, a Format, or the host's own words.
Formats = Mapping[str, "str | Format | dict[str, Any]"]

#: The modules that a group of the layout stands for.
Members = Mapping[str, Iterable[str]]


class CannotExpressError(Exception):
    """A host has no words for a format; becomes a fault that names the layer."""


@dataclass(frozen=True)
class Assigned:
    """What one module gets.

    Attributes
    ----------
    module : str
        Fully qualified name.
    layer : str
        The group of the layout that it belongs to.
    value : object
        The precision in the host's words; None leaves the module as it is.
    """

    module: str
    layer: str
    value: Any


def assign(
    layout: Mapping[str, str],
    host: str,
    convert: Callable[[Format], Any],
    formats: Formats | None = None,
    members: Members | None = None,
    rename: Callable[[str], str] | None = None,
    own: Callable[[str], Any] | None = None,
) -> list[Assigned]:
    """Return what each module gets, in the host's words.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    host : str
        Named in faults.
    convert : callable
        From a format to the host's words; raises `CannotExpressError`. Formats that
        leave a layer as it is do not get there.
    formats : mapping, optional
        What precisions mean, where their names do not say it.
    members : mapping of str to iterable of str, optional
        The modules of layers that stand for several; others are their own module.
    rename : callable, optional
        From a module's name to the host's; raises `CannotExpressError`.
    own : callable, optional
        Takes a precision's name that is one of the host's own, else returns None.

    Returns
    -------
    list of Assigned
        In the order of the layout.

    Raises
    ------
    InvalidLayoutError
        With every layer that the host cannot express, or that names no module.
    InvalidParameterError
        If `formats` or `members` are about precisions or layers that do not exist.
    """
    formats, members = dict(formats or {}), dict(members or {})
    used = set(layout.values())
    _refuse_unknown("formats", set(formats) - used, "precision", used)
    _refuse_unknown("members", set(members) - set(layout), "layer", set(layout))
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for precision in sorted(used):
        try:
            meaning = formats.get(precision, precision)
            values[precision] = _in_words_of_host(
                meaning, convert, own, is_given=precision in formats
            )
        except (CannotExpressError, InvalidParameterError) as error:
            reasons[precision] = str(error)
    faults: list[Fault] = []
    assigned: list[Assigned] = []
    seen: dict[str, str] = {}
    for layer, precision in layout.items():
        place = f"choices[{layer!r}]"
        if precision in reasons:
            message = f"{host} cannot express {precision!r}: {reasons[precision]}"
            faults.append(Fault(place, message))
            continue
        for name in members.get(layer, (layer,)):
            try:
                module = rename(name) if rename else name
            except CannotExpressError as error:
                faults.append(Fault(place, f"{host} cannot express it: {error}"))
                continue
            if not module or module != module.strip():
                faults.append(Fault(place, f"must name a module. Got {module!r}"))
            elif module in seen:
                message = f"the module {module!r} is already that of {seen[module]!r}"
                faults.append(Fault(place, message))
            else:
                seen[module] = layer
                assigned.append(Assigned(module, layer, values[precision]))
    if len(faults) > MOST_FAULTS:
        more = Fault("", f"and {len(faults) - MOST_FAULTS:,} more")
        faults = [*faults[:MOST_FAULTS], more]
    if faults:
        raise InvalidLayoutError(faults)
    return assigned


def _in_words_of_host(
    meaning: Any,
    convert: Callable[[Format], Any],
    own: Callable[[str], Any] | None,
    *,
    is_given: bool,
) -> Any:
    if isinstance(meaning, str):
        if own is not None and (word := own(meaning)) is not None:
            return word
        meaning = parse_format(meaning)
    elif is_given:
        meaning = as_format(meaning)
    if isinstance(meaning, dict):
        return meaning
    return None if meaning.is_float else convert(meaning)


def _refuse_unknown(what: str, unknown: set[str], kind: str, known: set[str]) -> None:
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)[:5]))
        allowed = ", ".join(map(repr, sorted(known)[:8]))
        msg = f"{what}: the layout has no {kind} {names}; it has {allowed}"
        raise InvalidParameterError(msg)


def anchored(name: str, *, start: str = "^", end: str = "$") -> str:
    r"""Return a regular expression that matches this name and no other.

    Examples
    --------
    >>> anchored("model.layers.1.mlp")
    '^model\\.layers\\.1\\.mlp$'
    """
    return start + re.sub(r"([^\w\s-])", r"\\\1", name) + end


def most_common(assigned: Iterable[Assigned], host: str) -> Any:
    """Return the value that most modules get, for hosts that want a default.

    Raises
    ------
    InvalidLayoutError
        If every module is left as it is, as there is then nothing to quantize.
    """
    keys = {hashable(one.value): one.value for one in assigned if one.value is not None}
    counts = Counter(hashable(o.value) for o in assigned if o.value is not None)
    if not counts:
        message = f"every layer stays as it is; {host} has nothing to quantize"
        raise InvalidLayoutError([Fault("choices", message)])
    return keys[counts.most_common(1)[0][0]]


def hashable(value: Any) -> Hashable:
    """Return a key that is equal for equal values of a host's words."""
    if isinstance(value, dict):
        return tuple((key, hashable(value[key])) for key in sorted(value, key=str))
    if isinstance(value, list):
        return tuple(map(hashable, value))
    key: Hashable = value
    return key


def one_of(value: Any, allowed: Iterable[Any], what: str) -> None:
    """Raise `CannotExpressError` where a value is none of those that a host has."""
    choices = list(allowed)
    if value not in choices:
        names = ", ".join(
            "one per output channel" if c is None else str(c) for c in choices
        )
        got = "one per output channel" if value is None else value
        msg = f"{what} must be one of {names}. Got {got}"
        raise CannotExpressError(msg)


def integer_weights_only(form: Format, bits: Iterable[int]) -> None:
    """Raise `CannotExpressError` unless a format is integer weights of these bits."""
    if form.kind != "int":
        msg = f"it has integer weights only, not {form.kind}"
        raise CannotExpressError(msg)
    if not form.weight_only:
        msg = f"it does not quantize activations. Got {form.activation_bits} bit"
        raise CannotExpressError(msg)
    one_of(form.bits, bits, "the bits of a weight")
