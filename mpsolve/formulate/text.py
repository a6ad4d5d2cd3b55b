"""What the comments of LP and MPS files say about a problem."""

from __future__ import annotations

from collections.abc import Iterator

from mpsolve.formulate.linear import LinearModel

__all__ = ["heading"]


def heading(model: LinearModel, *, is_scaled: bool) -> Iterator[str]:
    """Yield the lines that come first in a file: what it is, and what its numbers mean.

    Parameters
    ----------
    model : LinearModel
    is_scaled : bool

    Yields
    ------
    str
        ASCII, without line breaks.
    """
    merged, objective = model.program.merged, model.objective
    problem = merged.problem
    title = f"{problem.name}: " if problem.name else ""
    yield _safe(
        f"{title}{problem.num_groups} layers, {merged.num_groups} groups, "
        f"{model.program.num_options} options, {len(model.program.pairs)} couplings"
    )
    sense = "-gain" if problem.maximize else "loss"
    if is_scaled:
        yield f"{sense} = {objective.least!r} + objective * 2**{-objective.exponent}"
        yield "rows: shifted, divided by their divisors and scaled, at most 2**10"
    else:
        yield f"{sense} = objective"
        for name, resource in problem.resources.items():
            if resource.scale != 1 and name in merged.limits:
                yield _safe(f"{name}: {resource.scale} units in one of the problem's")
    for tie in problem.ties:
        yield _safe("tied: " + ", ".join(problem.layers[i] for i in tie))


def _safe(line: str) -> str:
    """Replace what is not printable ASCII, and shorten to what readers take."""
    text = "".join(c if " " <= c <= "~" else "?" for c in line)
    return text if len(text) <= 200 else f"{text[:197]}..."
