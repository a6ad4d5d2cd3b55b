"""mpsolve in the place of NNCF's sort and fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mpsolve.errors import InvalidParameterError
from mpsolve.integrations.tables import proven, ragged_problem
from mpsolve.integrations.versions import require_host
from mpsolve.model.problem import Problem

__all__ = ["filled", "plugged_in", "problem"]

#: Names of the two precisions; NNCF calls them primary and backup.
PRIMARY, BACKUP = "int4", "int8"


def problem(
    layers: Sequence[str],
    scores: Sequence[float],
    num_weights: Sequence[int],
    ratio: float | None = None,
    *,
    at_least: int | None = None,
) -> Problem:
    """Return the problem behind NNCF's mixed precision: which weights get 4 bits.

    The least sum of sensitivities of the 4 bit layers, with a share of 4 bit weights
    that is at least what was asked for.

    Parameters
    ----------
    layers : sequence of str, length n
    scores : sequence of float, length n
        What the criterion says of each layer in 4 bits.
    num_weights : sequence of int, length n
    ratio : float, optional
        Share of weights in 4 bits, from 0 to 1.
    at_least : int, optional
        Number of weights in 4 bits, instead of `ratio`.

    Returns
    -------
    Problem
        With the resources ``"int4_weights"`` and ``"memory"``, in bytes without scales.

    Raises
    ------
    InvalidParameterError
        If there is not one of `ratio` and `at_least`.
    InvalidProblemError
        If the columns differ in length or hold what is no number.

    Examples
    --------
    >>> problem(["a", "b"], [0.1, 0.2], [64, 128], ratio=0.5)
    Problem(2 groups, 4 options, int4_weights >= 96.0)
    """
    if (ratio is None) == (at_least is None):
        msg = "one of ratio and at_least must be given"
        raise InvalidParameterError(msg)
    counts = [int(count) for count in num_weights]
    if ratio is not None and not 0 <= ratio <= 1:
        msg = f"ratio must be from 0 to 1. Got {ratio!r}"
        raise InvalidParameterError(msg)
    lower = ratio * sum(counts) if ratio is not None else at_least
    return ragged_problem(
        layers,
        [[PRIMARY, BACKUP]] * len(layers),
        [[float(score), 0.0] for score in scores],
        {
            "int4_weights": [[count, 0] for count in counts],
            "memory": [[-(-count // 2), count] for count in counts],
        },
        {"int4_weights": (lower, None)},
        units={"int4_weights": "weights"},
        source="NNCF mixed precision",
    )


def filled(
    scores: Sequence[float], num_weights: Sequence[int], ratio: float
) -> list[int]:
    """Return the positions that NNCF's own rule puts in 4 bits.

    It goes through the layers by score, and stops before the first that would reach
    the ratio.

    Parameters
    ----------
    scores : sequence of float, length n
    num_weights : sequence of int, length n
    ratio : float

    Returns
    -------
    list of int

    Examples
    --------
    >>> filled([0.2, 0.1, 0.3], [64, 64, 64], ratio=0.7)
    [1, 0]
    """
    counts = [int(count) for count in num_weights]
    chosen: list[int] = []
    taken = 0
    for i in sorted(range(len(counts)), key=lambda i: scores[i]):
        if (taken + counts[i]) / sum(counts) >= ratio:
            break
        chosen.append(i)
        taken += counts[i]
    return chosen


@contextmanager
def plugged_in(budget: str = "ratio") -> Iterator[None]:
    """Let mpsolve choose the 4 bit weights of ``nncf.compress_weights``.

    The criterion and its statistics stay NNCF's.

    Parameters
    ----------
    budget : {"ratio", "host"}
        At least the share of 4 bit weights that was asked for; or at least as many as
        NNCF's own rule reaches, which stays below what was asked for.

    Yields
    ------
    None

    Raises
    ------
    InvalidParameterError
        If there is no such budget.
    MethodUnavailableError
        If NNCF is missing, or its version was not tested.

    Examples
    --------
    >>> with plugged_in():  # doctest: +SKIP
    ...     nncf.compress_weights(model, mode=INT4_SYM, ratio=0.6, ...)
    """
    if budget not in ("ratio", "host"):
        msg = f"budget must be 'ratio' or 'host'. Got {budget!r}"
        raise InvalidParameterError(msg)

    def select(criterion: Any, scores: list[float], parameters: list[Any]) -> list[int]:
        counts = [int(one.num_weights) for one in parameters]
        ratio = float(criterion._ratio)  # noqa: SLF001 (NNCF has no other name for it)
        least = None
        if budget == "host":
            least = sum(counts[i] for i in filled(scores, counts, ratio))
        layers = [str(i) for i in range(len(counts))]
        share = ratio if least is None else None
        asked = problem(layers, scores, counts, share, at_least=least)
        _, layout = proven(asked)
        return [i for i, option in enumerate(layout.choices.tolist()) if option == 0]

    with replaced_choice(select):
        yield


@contextmanager
def replaced_choice(select: Any) -> Iterator[None]:
    """Replace the choice in NNCF's criterion: from scores and weights to positions.

    Raises
    ------
    MethodUnavailableError
        If NNCF is missing, or its version was not tested.
    """
    require_host("nncf", exactly=True)
    from nncf.quantization.algorithms.weight_compression import mixed_precision

    criterion = mixed_precision.MixedPrecisionCriterion
    before = criterion.apply

    def apply(
        self: Any,
        model: Any,
        graph: Any,
        statistic_points: Any = None,
        dataset: Any = None,
        weight_params: Any = None,
    ) -> list[Any]:
        self._set_backend_entity(model)
        scores = self._calc_sensitivity(model, graph, weight_params, statistic_points)
        chosen = select(self, [float(score) for score in scores], weight_params)
        return [weight_params[i] for i in chosen]

    criterion.apply = apply
    try:
        yield
    finally:
        criterion.apply = before
