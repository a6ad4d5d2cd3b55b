"""Results: what may be said together, gaps, and texts."""

import json
import math

import pytest

import mpsolve
from mpsolve import Layout, Limit, NoLayoutError, Problem, Reason, Result
from mpsolve.result import absolute_gap, relative_gap

inf, nan = math.inf, math.nan
PROBLEM = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"memory": [[1, 2], [1, 2]]},
    {"memory": 3},
    precisions=["int4", "int8"],
)
LAYOUT = Layout(PROBLEM, [0, 1])


def result(reason, limit=None, layout=LAYOUT, primal=0.3, bound=0.25, **more):
    return Result(
        reason=Reason(reason),
        method="some",
        bound=bound,
        layout=layout,
        primal=primal,
        limit=limit,
        **more,
    )


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("has_limit", [False, True])
@pytest.mark.parametrize("has_layout", [False, True])
def test_what_may_be_said_together(reason, has_limit, has_layout):
    allowed = {
        ("OPTIMAL", False, True),
        ("FEASIBLE", True, True),
        ("INFEASIBLE", False, False),
        ("NO_SOLUTION_FOUND", True, False),
    }
    layout = (LAYOUT, 0.3) if has_layout else (None, None)
    limit = Limit.TIME if has_limit else None
    if (reason.value, has_limit, has_layout) in allowed:
        result(reason, limit, *layout)
    else:
        with pytest.raises(ValueError, match=reason.value):
            result(reason, limit, *layout)


@pytest.mark.parametrize("parts", [(LAYOUT, None), (None, 0.3)])
def test_a_layout_has_a_loss(parts):
    with pytest.raises(ValueError, match="OPTIMAL without a layout"):
        result("OPTIMAL", None, *parts)


@pytest.mark.parametrize(
    ("loss", "bound", "absolute", "relative"),
    [
        (4.0, 3.0, 1.0, 0.25),
        (-4.0, -5.0, 1.0, 0.25),
        (3.0, 4.0, 1.0, 1 / 3),
        (1e-9, 0.0, 1e-9, 1.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, -1.0, 1.0, inf),
        (1.0, -inf, inf, inf),
        (0.0, -inf, inf, inf),
        (inf, 1.0, inf, inf),
        (inf, inf, 0.0, 0.0),
        (-inf, -inf, 0.0, 0.0),
        (inf, -inf, inf, inf),
        (5.0, 5.0, 0.0, 0.0),
    ],
)
def test_gaps(loss, bound, absolute, relative):
    assert absolute_gap(loss, bound) == absolute
    assert relative_gap(loss, bound) == relative
    if math.isfinite(loss):
        found = result("FEASIBLE", Limit.TIME, primal=loss, bound=bound)
        assert (found.absolute_gap, found.gap) == (absolute, relative)


def test_without_a_layout_there_is_no_loss():
    nothing = result("INFEASIBLE", None, None, None, bound=inf)
    with pytest.raises(NoLayoutError, match="no layout, so no loss: INFEASIBLE"):
        _ = nothing.loss
    assert nothing.gap == nothing.absolute_gap == inf
    assert nothing.primal is None
    assert isinstance(NoLayoutError("x"), ValueError)


def test_reasons_are_their_words():
    assert result("OPTIMAL").reason == "OPTIMAL"
    assert f"{Reason.NO_SOLUTION_FOUND}" == "NO_SOLUTION_FOUND"
    assert {limit.value for limit in Limit} == {
        "TIME",
        "MEMORY",
        "NODE",
        "INTERRUPTED",
        "OTHER",
    }


def test_results_cannot_be_changed():
    with pytest.raises(AttributeError):
        result("OPTIMAL").bound = 0.3


@pytest.mark.parametrize(
    "found",
    [
        mpsolve.solve(PROBLEM),
        mpsolve.solve(PROBLEM.with_budgets({"memory": 1})),
        mpsolve.solve(PROBLEM.with_budgets({"memory": (3, 3)})),
        mpsolve.solve(PROBLEM, "greedy"),
        result("NO_SOLUTION_FOUND", Limit.TIME, None, None, bound=-inf),
    ],
    ids=str,
)
def test_json_holds_everything(found):
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["reason"] == found.reason
    assert data["limit"] == found.limit
    assert data["method"] == found.method
    assert data["loss"] == found.primal
    assert data["bound"] == (found.bound if math.isfinite(found.bound) else None)
    assert data["gap"] == (found.gap if math.isfinite(found.gap) else None)
    assert data["usage"] == found.usage
    assert data["multipliers"] == found.multipliers
    assert data["counters"] == found.counters
    assert data["nearest"] == {k: list(v) for k, v in found.nearest.items()}
    assert data["layout"] == (None if found.layout is None else dict(found.layout))
    assert data["detail"] == found.detail
    assert (data["time"], data["rel_gap"], data["abs_gap"]) == (
        found.time,
        found.rel_gap,
        found.abs_gap,
    )


def test_summary():
    found = result(
        "FEASIBLE", Limit.TIME, usage={"memory": 3}, time=0.0123, detail="a remark"
    )
    assert found.summary().splitlines() == [
        "FEASIBLE (TIME) by some in 12.3 ms",
        "loss 0.3, bound 0.25, gap 0.17",
        "memory 3",
        "int4×1, int8×1",
        "a remark",
    ]
    assert str(found) == "FEASIBLE (TIME) by some in 12.3 ms"


def test_summary_without_a_bound_or_a_layout():
    assert "no gap" in result("FEASIBLE", Limit.OTHER, bound=-inf).summary()
    nothing = result("INFEASIBLE", None, None, None, bound=inf, detail="why")
    assert nothing.summary() == "INFEASIBLE by some in 0 ms\nwhy"
