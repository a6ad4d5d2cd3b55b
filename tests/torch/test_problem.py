"""From a calibration to a problem."""

import numpy as np
import pytest

import mpsolve
from mpsolve.errors import InvalidParameterError
from mpsolve.torch import calibrate, problem_from_model
from tests.torch.small_models import make_case


def calibrated(name, metrics, precisions=("fp16", "int8", "int4")):
    case = make_case(name)
    return case.model, calibrate(case.model, case.data, case.loss, precisions, metrics)


def test_one_calibration_serves_any_number_of_budgets():
    model, calibration = calibrated("conv", ["loss_mse", "measured"])
    problem = problem_from_model(model, calibration)
    smallest, largest = problem.reachable("memory")
    assert largest == 2 * sum(p.numel() for p in model.parameters())
    losses = []
    for share in (0.2, 0.5, 1):
        budget = int(smallest + share * (largest - smallest))
        found = mpsolve.solve(problem.with_budgets({"memory": budget}))
        assert found.reason == "OPTIMAL"
        assert found.usage["memory"] <= budget
        losses.append(found.loss)
    assert losses[0] >= losses[1] >= losses[2]
    np.testing.assert_array_equal(problem.loss, calibration["loss_mse"].values.ravel())
    other = problem_from_model(model, calibration, "measured", budgets={"memory": 900})
    np.testing.assert_array_equal(other.loss, calibration["measured"].values.ravel())


def test_shared_parameters_tie_layers_and_count_once():
    model, calibration = calibrated("transformer", ["loss_mse"], ["fp16", "bf16"])
    problem = problem_from_model(model, calibration)
    assert problem.ties == ((0, 5),)
    assert problem.reachable("memory")[1] == 2 * sum(
        p.numel() for p in model.parameters()
    )


def test_pairs_become_couplings_that_predict_two_roundings():
    model, calibration = calibrated("conv", ["measured_pairs"], ["int4", "int3"])
    scores = calibration["measured_pairs"]
    problem = problem_from_model(model, calibration)
    assert len(problem.couplings) == 3
    layout = mpsolve.Layout.from_names(
        problem, {"conv1": "int3", "conv2": "int4", "fc": "int3"}
    )
    expected = scores.values[0, 1] + scores.values[1, 0] + scores.values[2, 1]
    expected += scores.pairs[0, 1, 1, 0] + scores.pairs[0, 1, 2, 1]
    expected += scores.pairs[1, 0, 2, 1]
    assert mpsolve.verify(problem, layout).loss == pytest.approx(expected)


def test_standard_errors_make_gains_pay():
    model, calibration = calibrated("conv", ["signed_first_order"])
    scores = calibration["signed_first_order"]
    problem = problem_from_model(model, calibration, standard_errors=2)
    np.testing.assert_allclose(
        problem.loss, (scores.values + 2 * scores.standard_error).ravel()
    )
    with pytest.raises(InvalidParameterError, match="standard_errors must be"):
        problem_from_model(model, calibration, standard_errors=-1)


def test_further_resources_and_options():
    model, calibration = calibrated("conv", ["loss_mse"])
    problem = problem_from_model(
        model,
        calibration,
        usage={"time": np.ones((3, 3))},
        fixed={"conv1": "fp16"},
        name="mine",
    )
    assert set(problem.resources) == {"memory", "time"}
    assert (problem.name, dict(problem.fixed)) == ("mine", {0: 0})


def test_what_does_not_fit_is_named():
    model, calibration = calibrated("conv", ["loss_mse"])
    other = make_case("residual").model
    with pytest.raises(InvalidParameterError, match="no layers conv1, conv2"):
        problem_from_model(other, calibration)
    with pytest.raises(InvalidParameterError, match="metric must be one of"):
        problem_from_model(model, calibration, "measured")
    with pytest.raises(InvalidParameterError, match="precisions must be"):
        problem_from_model(model, calibration, precisions=["fp16"])
