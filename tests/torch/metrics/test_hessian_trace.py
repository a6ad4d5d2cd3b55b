"""The Hessian's trace against second derivatives taken one at a time, in float64."""

import numpy as np
import pytest
import torch

import mpsolve
from mpsolve.torch import calibrate, parse
from mpsolve.torch.layers import find_layers
from mpsolve.torch.metrics import HessianTrace, curvature
from tests.torch.slow_reference import Slow
from tests.torch.small_models import CASES, make_case

PARSED = [parse(name) for name in ("e4m3", "int4", "w3a8", "w4")]


@pytest.mark.parametrize("name", CASES)
def test_hessian_trace_is_within_its_error_of_the_exact_one(name):
    case = make_case(name)
    metric = HessianTrace(tolerance=0, max_draws=120)
    calibration = calibrate(case.model, case.data, case.loss, PARSED, [metric], seed=3)
    scores = calibration["hessian_trace"]
    slow = Slow(case)
    seen, largest = set(), 0.0
    for i, module in enumerate([x.module for x in find_layers(case.model)]):
        expected = np.zeros(len(PARSED))
        for parameter in module.parameters():
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            trace = exact_trace(case, slow, parameter)
            own = parameter.detach()
            for k, precision in enumerate(PARSED):
                error = (precision.weight.round(own) - own).square().mean()
                expected[k] += trace * float(error)
        distance = np.abs(scores.values[i] - expected)
        assert (distance <= 4.5 * scores.standard_error[i] + 1e-14).all()
        largest = max(largest, np.abs(expected).max())
    assert scores.standard_error.max() < largest  # and the error says something


def exact_trace(case, slow, parameter):
    """Return the trace of the mean loss's Hessian, a second derivative at a time."""
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        losses = [slow.sample_loss(x, y) for x, y in slow.samples]
        (gradient,) = torch.autograd.grad(
            sum(losses) / len(losses), parameter, create_graph=True
        )
        trace = 0.0
        flat = gradient.flatten()
        for i in range(len(flat)):
            (row,) = torch.autograd.grad(flat[i], parameter, retain_graph=True)
            trace += float(row.flatten()[i])
    return trace


@pytest.mark.parametrize("name", CASES)
def test_in_parts_it_is_the_same(name):
    case = make_case(name)
    before = [(p.requires_grad, p.grad) for p in case.model.parameters()]
    whole, parts = (
        calibrate(case.model, case.data, case.loss, PARSED, [metric])["hessian_trace"]
        for metric in (
            HessianTrace(max_draws=6),
            HessianTrace(max_draws=6, in_parts=True),
        )
    )
    size = np.abs(whole.values).max()
    np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(parts.standard_error, whole.standard_error, rtol=1e-9)
    assert [(p.requires_grad, p.grad) for p in case.model.parameters()] == before


def test_in_parts_no_parameter_is_kept_for_a_backward_pass(monkeypatch):
    kept = []
    write = curvature._Notes.write

    def watched(self, saved):
        note = write(self, saved)
        if isinstance(note, torch.Tensor):
            kept.append(note.untyped_storage().nbytes())
        return note

    monkeypatch.setattr(curvature._Notes, "write", watched)
    width = 40
    layers = [torch.nn.Linear(width, width), torch.nn.Tanh()] * 3
    data = [(torch.randn(2, width), torch.randn(2, width))]
    metric = HessianTrace(max_draws=4, in_parts=True)
    calibrate(torch.nn.Sequential(*layers), data, "squared_error", ["int4"], [metric])
    assert kept
    assert max(kept) < width * width * 4


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_loss_without_gradient_is_named(in_parts):
    class Frozen(torch.nn.Linear):
        def forward(self, x):
            with torch.no_grad():
                return super().forward(x)

    data = [(torch.randn(2, 3), torch.randn(2, 3))]
    metric = HessianTrace(in_parts=in_parts)
    with pytest.raises(mpsolve.InvalidParameterError, match="depends on no layer"):
        calibrate(Frozen(3, 3), data, "squared_error", ["int4"], [metric])
