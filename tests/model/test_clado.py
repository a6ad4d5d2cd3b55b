"""CLADO's clipping, and the generator of problems like its."""

import json
import math

import numpy as np
import pytest

import mpsolve
from mpsolve import Coupling, InvalidParameterError, Problem, psd_clipped, verify
from mpsolve.cli import main
from mpsolve.cli.exit_codes import NOT_PROVEN
from mpsolve.io import save_problem
from mpsolve.model.generate_dense import dense_pairs, dense_pairs_parts


def form_of(arrays) -> np.ndarray:
    """The matrix C of CLADO, whose quadratic form is twice the loss."""
    groups, options = arrays.loss.shape
    form = np.diag(2.0 * arrays.loss.ravel()).reshape(groups, options, groups, options)
    for (u, v), table in zip(arrays.edges, arrays.tables, strict=True):
        form[u, :, v] = table
        form[v, :, u] = table.T
    return form.reshape(groups * options, groups * options)


def test_a_psd_form_is_left_alone():
    problem = dense_pairs(6, 3, seed=1, coupling=0.01)
    clipped = psd_clipped(problem)
    assert (clipped.num_negative, clipped.removed) == (0, 0.0)
    assert clipped.problem is problem


@pytest.mark.parametrize("seed", range(5))
def test_clipping_is_the_nearest_psd_form(seed):
    problem = dense_pairs(5, 3, seed, kind="indefinite", coupling=0.9)
    arrays = dense_pairs_parts(5, 3, seed, kind="indefinite", coupling=0.9)
    values, vectors = np.linalg.eigh(form_of(arrays))
    clipped = psd_clipped(problem)
    assert clipped.num_negative == (values < 0).sum() > 0
    assert clipped.removed == pytest.approx(
        np.linalg.norm(np.minimum(values, 0)) / np.linalg.norm(values)
    )
    kept = (vectors * np.maximum(values, 0)) @ vectors.T
    rng = np.random.default_rng(seed)
    for _ in range(20):
        layout = mpsolve.Layout(clipped.problem, rng.integers(0, 3, 5))
        x = np.zeros(15)
        x[np.arange(5) * 3 + layout.choices] = 1.0
        assert verify(clipped.problem, layout).loss == pytest.approx(x @ kept @ x / 2)
        assert clipped.restore(layout).problem is problem


def test_clipping_may_miss_the_optimum():
    """The clipped optimum is no better for the true objective, and sometimes worse."""
    worse = 0
    for seed in range(30):
        problem = dense_pairs(5, 3, seed, kind="indefinite", coupling=0.9)
        best = mpsolve.solve(problem)
        clipped = psd_clipped(problem)
        layout = clipped.restore(mpsolve.solve(clipped.problem).layout)
        loss = verify(problem, layout).loss
        assert loss >= best.loss - 1e-9 * abs(best.loss)
        worse += loss > best.loss + 1e-6 * abs(best.loss)
    assert worse > 0


@pytest.mark.parametrize("seed", range(12))
def test_a_solve_reports_what_clipping_did(seed):
    problem = dense_pairs(5, 3, seed, kind="indefinite", coupling=0.9)
    best, clipped = mpsolve.solve(problem), mpsolve.solve(problem, clado_psd=True)
    assert clipped.layout.problem is problem
    assert clipped.reason is mpsolve.Reason.FEASIBLE
    assert clipped.bound <= best.loss <= clipped.loss
    assert f"{psd_clipped(problem).num_negative} negative" in clipped.detail
    assert verify(problem, clipped.layout).loss == clipped.loss


def test_a_form_without_negative_curvature_is_solved_as_it_is():
    problem = dense_pairs(6, 3, seed=1, coupling=0.01)
    result = mpsolve.solve(problem, clado_psd=True)
    assert result.reason is mpsolve.Reason.OPTIMAL
    assert result.loss == mpsolve.solve(problem).loss


def test_forbidden_pairs_stay_forbidden():
    table = [[math.inf, -3.0], [1.0, 0.0]]
    problem = Problem.from_arrays(
        [[1.0, 2.0], [0.5, 1.0]],
        layers=["a", "b"],
        couplings=[Coupling("a", "b", table)],
    )
    clipped = psd_clipped(problem)
    assert clipped.num_negative == 1
    assert np.isinf(clipped.problem.couplings[0].table).tolist() == [
        [True, False],
        [False, False],
    ]


def test_gains_are_refused():
    problem = Problem.from_arrays([[1.0, 2.0]], maximize=True)
    with pytest.raises(InvalidParameterError, match="maximises"):
        psd_clipped(problem)


def test_the_generator_keeps_its_promises():
    for kind in ("psd", "indefinite"):
        arrays = dense_pairs_parts(10, 4, 3, kind=kind, coupling=0.6)
        again = dense_pairs_parts(10, 4, 3, kind=kind, coupling=0.6)
        assert arrays.problem() == again.problem()
        # At layouts; options of one group never meet, whatever the form says of them.
        chosen = np.random.default_rng(1).integers(0, 4, (200, 10))
        x = np.zeros((200, 40))
        np.put_along_axis(x, chosen + 4 * np.arange(10), 1.0, axis=1)
        losses = np.einsum("ni,ij,nj->n", x, form_of(arrays), x) / 2
        assert losses.min() >= 0 or kind == "indefinite"
        error = np.sqrt(arrays.loss)
        u, v = np.array(arrays.edges).T
        cosines = arrays.tables / (2.0 * error[u][:, :, None] * error[v][:, None, :])
        assert 0.5 < np.abs(cosines).max() <= 0.6 + 1e-6
        assert arrays.usage["memory"].min(axis=1).sum() <= arrays.budgets["memory"]
    with pytest.raises(ValueError, match="kind"):
        dense_pairs_parts(4, 2, 0, kind="other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="coupling"):
        dense_pairs_parts(4, 2, 0, coupling=2.0)


def test_the_command_line_says_what_clipping_did(capsys, tmp_path):
    problem = dense_pairs(5, 3, seed=4, kind="indefinite", coupling=0.9)
    save_problem(problem, tmp_path / "p.json")
    code = main(["solve", str(tmp_path / "p.json"), "--clado-psd", "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert code == NOT_PROVEN
    assert found["loss"] == mpsolve.solve(problem, clado_psd=True).loss
    assert "5 negative eigenvalues" in found["detail"]
