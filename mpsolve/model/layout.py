"""Layouts: one option per group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mpsolve.errors import Fault, InvalidLayoutError

if TYPE_CHECKING:
    from mpsolve.model.problem import Problem

__all__ = ["Layout"]


class Layout(Mapping[str, str]):
    """One option for each group of a problem, read by the groups' names.

    Whether it keeps the budgets is another question: see :func:`mpsolve.verify`.

    Parameters
    ----------
    problem : Problem
        Whose groups it decides.
    choices : array_like of int, shape (num_groups,)
        Position of the chosen option in each group.

    Raises
    ------
    InvalidLayoutError
        If a group has no such option, or the number of choices is not that of groups.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.3, 0.1], [0.2, 0.0]], layers=["a", "b"], precisions=["int4", "int8"])
    >>> layout = mpsolve.Layout(problem, [0, 1])
    >>> layout["a"], dict(layout), layout.counts()
    ('int4', {'a': 'int4', 'b': 'int8'}, {'int4': 1, 'int8': 1})
    """

    __slots__ = ("_choices", "_problem")

    def __init__(self, problem: Problem, choices: npt.ArrayLike) -> None:
        given = np.asarray(choices)
        if given.shape != (problem.num_groups,) or given.dtype.kind not in "iu":
            allowed = f"must be {problem.num_groups} integers, one for each group"
            got = f"Got shape {given.shape} of {given.dtype}"
            if given.size or problem.num_groups:
                raise InvalidLayoutError([Fault("choices", f"{allowed}. {got}")])
        limits = problem.width or np.diff(problem.offsets)
        wrong = np.flatnonzero((given < 0) | (given >= limits))
        if len(wrong):
            faults = [
                Fault(
                    f"choices[{i}]",
                    f"{problem.layers[i]!r} has {len(problem.options_of(i))} options. "
                    f"Got {given[i]}",
                )
                for i in wrong[:10].tolist()
            ]
            raise InvalidLayoutError(faults)
        self._problem = problem
        self._choices = np.array(given, dtype=np.int32)
        self._choices.flags.writeable = False

    @classmethod
    def from_names(cls, problem: Problem, precisions: Mapping[str, str]) -> Layout:
        """Make a layout from the name of a precision for every group.

        Parameters
        ----------
        problem : Problem
            Whose groups it decides.
        precisions : mapping of str to str
            Precision by group.

        Returns
        -------
        Layout

        Raises
        ------
        InvalidLayoutError
            With every group that is missing or unknown, or lacks the precision.
        """
        faults = []
        choices = np.zeros(problem.num_groups, dtype=np.int32)
        for i, layer in enumerate(problem.layers):
            if layer not in precisions:
                faults.append(Fault(f"choices[{layer!r}]", "is missing"))
                continue
            names = problem.precisions_of(i)
            if precisions[layer] in names:
                choices[i] = names.index(precisions[layer])
            else:
                message = (
                    f"must be one of {', '.join(names)}. Got {precisions[layer]!r}"
                )
                faults.append(Fault(f"choices[{layer!r}]", message))
        faults += [
            Fault(f"choices[{layer!r}]", "the problem has no group of that name")
            for layer in precisions
            if layer not in problem.layers
        ]
        if faults:
            raise InvalidLayoutError(faults)
        return cls(problem, choices)

    @property
    def problem(self) -> Problem:
        """The problem whose groups it decides."""
        return self._problem

    @property
    def choices(self) -> npt.NDArray[np.int32]:
        """Position of the chosen option in each group, shape (num_groups,)."""
        return self._choices

    @property
    def flat(self) -> npt.NDArray[np.int64]:
        """Position of each chosen option in the problem's flat arrays."""
        return self._problem.offsets[:-1] + self._choices

    def __getitem__(self, layer: str) -> str:
        position = self._problem.layers.find(layer)
        if position is None:
            raise KeyError(layer)
        return self._precision(position)

    def __iter__(self) -> Iterator[str]:
        return iter(self._problem.layers)

    def __len__(self) -> int:
        return self._problem.num_groups

    def counts(self) -> dict[str, int]:
        """Return how many groups get each precision, without those that none gets."""
        codes = self._problem.codes[self.flat]
        counts = np.bincount(codes, minlength=len(self._problem.precisions))
        names = self._problem.precisions
        return {names[code]: int(count) for code, count in enumerate(counts) if count}

    def save(self, path: str | PathLike[str]) -> None:
        """Write the layout to a JSON file, complete or not at all."""
        from mpsolve.io import save_layout

        save_layout(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], problem: Problem) -> Layout:
        """Read a layout of a problem from a JSON file.

        Raises
        ------
        InvalidLayoutError
            If the file is no layout, or not one of this problem.
        """
        from mpsolve.io import load_layout

        return load_layout(path, problem)

    def export(
        self, host: str, path: str | PathLike[str] | None = None, **options: Any
    ) -> Any:
        """Return the layout as a quantizer's own configuration.

        Parameters
        ----------
        host : str
            ``"compressed-tensors"``, ``"torchao"``, ``"gptqmodel"``, ``"modelopt"``,
            ``"auto-round"``, ``"llama.cpp"``, ``"exllamav3"``, ``"nncf"``, ``"mlx"``,
            ``"olive"`` or ``"neural-compressor"``.
        path : str or PathLike, optional
            Where to write it too, complete or not at all.
        **options
            `formats`, `members`, and the host's; see
            :func:`mpsolve.integrations.export`.

        Returns
        -------
        dict or str

        Raises
        ------
        InvalidParameterError
            If there is no such host or option.
        InvalidLayoutError
            With every layer that the host cannot express.

        Examples
        --------
        >>> import mpsolve
        >>> problem = mpsolve.Problem.from_arrays(
        ...     [[0.3, 0.1]], layers=["layers.1.fc"], precisions=["int4", "int8"])
        >>> layout = mpsolve.Layout(problem, [1])
        >>> layout.export("gptqmodel")["bits"]
        8
        """
        from mpsolve.integrations import export

        return export(self, host, path, **options)

    def _precision(self, position: int) -> str:
        return self._problem.precisions_of(position)[int(self._choices[position])]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Layout) and other._problem is self._problem:
            return np.array_equal(self._choices, other._choices)
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(self._choices.tobytes())

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}×{n}" for name, n in self.counts().items())
        return f"Layout({len(self)} groups: {counts})"
