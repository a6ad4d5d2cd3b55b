"""mpsolve as a method of AutoRound's `AutoScheme`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mpsolve.integrations.auto_round_state import SchemeOption, path, problem
from mpsolve.integrations.versions import require_host
from mpsolve.solving import solve

__all__ = ["choose", "plugged_in", "register"]


def choose(
    layers: Mapping[str, Sequence[SchemeOption]],
    bits: float,
    max_states: int | None = None,
) -> tuple[float | None, list[tuple[Sequence[str], int]] | None]:
    """Return what AutoRound's dynamic program returns, proven.

    Parameters
    ----------
    layers, bits
        As for :func:`mpsolve.integrations.auto_round.problem`.
    max_states : int, optional
        Taken for AutoRound's sake, and not needed.

    Returns
    -------
    (loss, path) or (None, None)

    Examples
    --------
    >>> choose({"fc": [(0, 400, 0.2, ["fc"]), (1, 800, 0.1, ["fc"])]}, 500)
    (0.2, [(['fc'], 0)])
    """
    result = solve(problem(layers, bits))
    if result.reason != "OPTIMAL" or result.layout is None:
        return None, None
    return result.loss, path(layers, result.layout.choices.tolist())


@contextmanager
def plugged_in() -> Iterator[None]:
    """Let mpsolve choose where AutoRound calls its dynamic program.

    Yields
    ------
    None

    Raises
    ------
    MethodUnavailableError
        If AutoRound is missing, or its version was not tested.

    Examples
    --------
    >>> with plugged_in():  # doctest: +SKIP
    ...     AutoRound(model, tokenizer, scheme=AutoScheme(avg_bits=3.5, ...)).quantize()
    """
    require_host("auto-round", exactly=True)
    from auto_round.auto_scheme import delta_loss

    before = delta_loss.choose_bits_per_layer_with_path
    delta_loss.choose_bits_per_layer_with_path = choose
    try:
        yield
    finally:
        delta_loss.choose_bits_per_layer_with_path = before


def register(name: str = "mpsolve") -> None:
    """Register mpsolve as a method: ``AutoScheme(method="mpsolve", …)``.

    The method takes AutoRound's own scores and lets mpsolve choose.

    Parameters
    ----------
    name : str
        What `AutoScheme` calls it.

    Raises
    ------
    MethodUnavailableError
        If AutoRound is missing, or its version was not tested.
    """
    require_host("auto-round", exactly=True)
    from auto_round.auto_scheme import delta_loss
    from auto_round.auto_scheme.register import register_scheme_methods

    def method(*arguments: Any, **options: Any) -> Any:
        with plugged_in():
            return delta_loss.gen_layer_config(*arguments, **options)

    register_scheme_methods(name)(method)
