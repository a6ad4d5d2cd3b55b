"""The options of a problem as flat columns, read from arrays or from objects."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.faults import Faults
from mpsolve.model.group import Group, Option, is_real
from mpsolve.model.names import Names

__all__ = ["Columns"]

Usages = npt.NDArray[np.int64] | npt.NDArray[np.float64]

LARGEST_INT64 = 2**63 - 1

#: No layout's losses may sum to this, so that no sum or difference overflows.
LARGEST_LOSS = 1e300


@dataclass(frozen=True)
class Columns:
    """Every option of every group, group after group.

    Attributes
    ----------
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's options begin.
    width : int or None
        Number of options where all groups have the same ones, else None.
    loss : ndarray of float64, shape (num_options_total,)
    usage : dict of str to ndarray of int64 or float64, shape (num_options_total,)
    layers : Names
    precisions : tuple of str
        The distinct option names, in order of first appearance.
    codes : ndarray of int32 or None, shape (num_options_total,)
        Index into `precisions` of every option; None where `width` says it all.
    """

    offsets: npt.NDArray[np.int64]
    width: int | None
    loss: npt.NDArray[np.float64]
    usage: dict[str, Usages]
    layers: Names
    precisions: tuple[str, ...]
    codes: npt.NDArray[np.int32] | None


def columns_from_arrays(
    loss: npt.ArrayLike,
    usage: Mapping[str, npt.ArrayLike],
    layers: Iterable[str] | None,
    precisions: Iterable[str] | None,
    faults: Faults,
) -> Columns:
    """Check and copy a table of losses and usages, one row a group."""
    losses = _table("loss", loss, faults, as_float=True)
    if faults and not losses.size:
        faults.raise_if_any()  # no shape to hold the rest against
    num_groups, width = losses.shape
    if num_groups and not width:
        faults.add("loss", "must have at least one option a row. Got shape (n, 0)")
    usages = {}
    for name, values in usage.items():
        path = f"usage[{name!r}]"
        num_faults = len(faults)
        table = _table(path, values, faults)
        if len(faults) > num_faults:
            continue
        if table.shape == losses.shape:
            usages[str(name)] = table.reshape(-1)
        else:
            message = f"must have the shape of loss, {losses.shape}. Got {table.shape}"
            faults.add(path, message)
    names = _unique("layers", layers, num_groups, "rows of loss", faults)
    options = _unique("precisions", precisions, width, "columns of loss", faults)
    faults.raise_if_any()
    if options is None:
        options = tuple(f"option{j}" for j in range(width))
    return Columns(
        offsets=np.arange(0, num_groups * width + 1, max(width, 1), dtype=np.int64)
        if num_groups
        else np.zeros(1, dtype=np.int64),
        width=width,
        loss=losses.reshape(-1).astype(np.float64, copy=False),
        usage=usages,
        layers=Names(names, num_groups),
        precisions=options,
        codes=None,
    )


def columns_from_groups(groups: Iterable[Group], faults: Faults) -> Columns:
    """Check and flatten groups of options that may differ from group to group."""
    members = tuple(groups)
    codes: dict[str, int] = {}
    flat_codes: list[int] = []
    losses: list[float] = []
    rows: list[Mapping[str, float]] = []
    sizes: list[int] = []
    for i, group in enumerate(members):
        if not isinstance(group, Group):
            faults.add(f"groups[{i}]", f"must be a Group. Got {type(group).__name__}")
            continue
        if not group.options:
            faults.add(f"groups[{i}].options", f"{group.name!r} has no option")
        for j, option in enumerate(group.options):
            path = f"groups[{i}].options[{j}]"
            if not _check_option(option, path, faults):
                continue
            losses.append(float(option.loss))
            rows.append(option.usage)
            flat_codes.append(codes.setdefault(option.precision, len(codes)))
        _check_precisions(group, i, faults)
        sizes.append(len(group.options))
    _unique(
        "groups", [g.name for g in members if isinstance(g, Group)], None, "", faults
    )
    faults.raise_if_any()
    width = sizes[0] if len(set(sizes)) == 1 else None
    if width is not None and flat_codes != list(range(width)) * len(sizes):
        width = None
    resources = dict.fromkeys(name for row in rows for name in row)
    return Columns(
        offsets=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(
            np.int64
        ),
        width=width,
        loss=np.array(losses, dtype=np.float64),
        usage={name: _column([row.get(name, 0) for row in rows]) for name in resources},
        layers=Names(group.name for group in members),
        precisions=tuple(codes),
        codes=None if width is not None else np.array(flat_codes, dtype=np.int32),
    )


def _check_option(option: object, path: str, faults: Faults) -> bool:
    """Add the faults of one option; return whether it can be read at all."""
    if not isinstance(option, Option):
        faults.add(path, f"must be an Option. Got {type(option).__name__}")
        return False
    before = len(faults)
    if not isinstance(option.precision, str) or not option.precision:
        faults.add(f"{path}.precision", f"must be a name. Got {option.precision!r}")
    if message := _number_fault(option.loss):
        faults.add(f"{path}.loss", message)
    for name, value in option.usage.items():
        place = f"{path}.usage[{name!r}]"
        if message := _number_fault(value):
            faults.add(place, message)
        elif isinstance(value, int | np.integer) and abs(int(value)) > LARGEST_INT64:
            faults.add(place, _too_large(int(value)))
    return len(faults) == before


def _check_precisions(group: Group, i: int, faults: Faults) -> None:
    seen: dict[str, int] = {}
    for j, option in enumerate(group.options):
        name = getattr(option, "precision", None)
        if isinstance(name, str) and seen.setdefault(name, j) != j:
            path = f"groups[{i}].options[{j}].precision"
            faults.add(path, f"{name!r} is already the name of options[{seen[name]}]")


def _number_fault(value: object) -> str:
    if not is_real(value):
        return f"must be a number. Got {value!r}"
    try:
        is_finite = bool(np.isfinite(float(value)))  # type: ignore[arg-type]
    except OverflowError:
        return f"must be finite as a float. Got an integer of {len(str(value))} digits"
    return "" if is_finite else f"must be finite. Got {value!r}"


def _too_large(value: int) -> str:
    return f"must be within ±(2^63 - 1). Got {value}"


def _column(values: list[float]) -> Usages:
    if all(isinstance(value, int | np.integer) for value in values):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64)


def _table(
    path: str, values: npt.ArrayLike, faults: Faults, *, as_float: bool = False
) -> Usages:
    """Copy a two-dimensional table of finite numbers, or add why it is none."""
    nothing = np.empty((0, 0), dtype=np.float64)
    try:
        given = np.asarray(values)
    except ValueError:
        given = np.empty((), dtype=object)
    if given.dtype.kind == "O":
        faults.add(path, _why_no_table(values))
        return nothing
    if given.dtype.kind not in "iuf":
        faults.add(path, f"must be an array of numbers. Got dtype {given.dtype}")
        return nothing
    if given.ndim != 2:
        faults.add(
            path, f"must be two-dimensional, groups by options. Got shape {given.shape}"
        )
        return nothing
    if given.dtype.kind == "u" and given.size and int(given.max()) > LARGEST_INT64:
        i, j = np.argwhere(given > LARGEST_INT64)[0]
        faults.add(f"{path}[{i}, {j}]", _too_large(int(given[i, j])))
        return nothing
    if not as_float and given.dtype.kind == "f" and not isinstance(values, np.ndarray):
        # NumPy makes floats of lists whose integers need more than int64.
        for i, j in np.argwhere(np.abs(given) >= LARGEST_INT64)[:1]:
            value = np.asarray(values, dtype=object)[i, j]
            if isinstance(value, int):
                faults.add(f"{path}[{i}, {j}]", _too_large(value))
                return nothing
    is_float = as_float or given.dtype.kind == "f"
    # Always a copy: what the caller does to the array later must not reach the problem.
    table: Usages = (
        np.array(given, dtype=np.float64, order="C")
        if is_float
        else np.array(given, dtype=np.int64, order="C")
    )
    # The sum of finite numbers may overflow, so it only rules faults out.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(table.sum()) if is_float else 0.0
    if not math.isfinite(total):
        wrong = np.argwhere(~np.isfinite(table))
        for i, j in wrong[:10]:
            faults.add(f"{path}[{i}, {j}]", f"must be finite. Got {table[i, j]}")
        if len(wrong) > 10:
            faults.add(path, f"has {len(wrong) - 10:,} more values that are not finite")
    table.flags.writeable = False
    return table


def _why_no_table(values: object) -> str:
    """Say why NumPy could not make numbers of nested sequences."""
    rows = list(values) if isinstance(values, Sequence) else []
    lengths = [len(row) for row in rows if isinstance(row, Sequence | np.ndarray)]
    if len(lengths) == len(rows) and len(set(lengths)) > 1:
        odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
        return (
            f"must be rectangular. Row 0 has {lengths[0]} options and row {odd} has "
            f"{lengths[odd]}; give groups that differ as Problem([Group(…), …])"
        )
    for i, row in enumerate(rows):
        for j, value in enumerate(row if isinstance(row, Sequence) else [row]):
            if message := _number_fault(value):
                return f"[{i}, {j}] {message}"
            if isinstance(value, int) and abs(value) > LARGEST_INT64:
                return f"[{i}, {j}] {_too_large(value)}"
    return "must be an array of numbers. Got objects"


def _unique(
    path: str,
    names: Iterable[str] | None,
    size: int | None,
    of_what: str,
    faults: Faults,
) -> tuple[str, ...] | None:
    """Check that names are distinct, non-empty strings, as many as needed."""
    if names is None:
        return None
    given = tuple(names)
    if size is not None and len(given) != size:
        faults.add(path, f"must name the {size} {of_what}. Got {len(given)} names")
    if all(type(name) is str and name for name in given) and len(set(given)) == len(
        given
    ):
        return given
    seen: dict[object, int] = {}
    for i, name in enumerate(given):
        if not isinstance(name, str) or not name:
            faults.add(f"{path}[{i}]", f"must be a name. Got {name!r}")
        elif seen.setdefault(name, i) != i:
            faults.add(f"{path}[{i}]", f"{name!r} is already {path}[{seen[name]}]")
    return given


def total_overflows(columns: Columns) -> bool:
    """Whether the losses of some layout could sum to more than a float holds."""
    loss, num_groups = columns.loss, len(columns.layers)
    if not num_groups:
        return False
    largest = max(float(loss.max()), -float(loss.min()))
    if largest < LARGEST_LOSS / num_groups:
        return False
    per_group = np.maximum.reduceat(np.abs(loss), columns.offsets[:-1])
    return float((per_group / num_groups).sum()) >= LARGEST_LOSS / num_groups
