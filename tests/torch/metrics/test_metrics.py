"""Every metric against an independent slow computation in float64."""

import functools
import math

import numpy as np
import pytest
import torch

from mpsolve.torch import parse
from mpsolve.torch.calibrate import calibrate
from mpsolve.torch.layers import find_layers
from mpsolve.torch.metrics import METRICS, InputGradient
from tests.torch.slow_reference import Slow
from tests.torch.small_models import CASES, make_case

PRECISIONS = ["e4m3", "int4", "w3a8", "w4"]
PARSED = [parse(name) for name in PRECISIONS]


@functools.cache
def solved(name):
    case = make_case(name)
    metrics = [m for m in METRICS if m not in ("hessian_trace", "loss_mse_noise")]
    return (
        case,
        Slow(case),
        calibrate(case.model, case.data, case.loss, PARSED, metrics),
    )


@pytest.fixture(params=CASES)
def all_of(request):
    return solved(request.param)


def modules_of(case):
    return [layer.module for layer in find_layers(case.model)]


def grouped(values, calibration):
    """Add up rows of layers that share parameters."""
    values = np.array(values)
    position = {name: i for i, name in enumerate(calibration.layers)}
    for first, *others in calibration.ties:
        for other in others:
            values[position[first]] += values[position[other]]
            values[position[other]] = 0
    return values


def mean_and_error(samples):
    samples = np.array([float(value) for value in samples])
    return samples.mean(0), samples.std(0, ddof=1) / math.sqrt(len(samples))


def squared_norms(slow, module):
    if isinstance(module, torch.nn.Embedding):
        return [0.0] * len(slow.samples)
    return [
        sum(float(g.square().sum()) for g in calls)
        for calls in slow.gradients(module, "input")
    ]


def test_input_gradient_is_the_rms_norm_of_samples_gradients(all_of):
    case, slow, calibration = all_of
    squares = np.array([squared_norms(slow, m) for m in modules_of(case)])
    scores = calibration["input_gradient"]
    np.testing.assert_allclose(scores.sensitivity, np.sqrt(squares.mean(1)), rtol=1e-10)
    means = np.sqrt(squares).mean(1)
    np.testing.assert_allclose(
        calibration["input_gradient_mean"].sensitivity, means, rtol=1e-10
    )
    assert (scores.values >= 0).all()
    # Weights alone are rounded: inputs have no error.
    assert (scores.values[:, PRECISIONS.index("w4")] == 0).all()


def test_input_gradient_l1_and_norm_of_the_sum(all_of):
    case, slow, calibration = all_of
    for i, module in enumerate(modules_of(case)):
        if isinstance(module, torch.nn.Embedding):
            continue
        gradients = slow.gradients(module, "input")
        absolute = np.mean([sum(float(g.abs().sum()) for g in c) for c in gradients])
        found = calibration["input_gradient_l1"].sensitivity[i]
        assert found == pytest.approx(absolute, rel=1e-10)
        vectors = torch.stack([torch.stack(c).sum(0).flatten() for c in gradients])
        found = calibration["input_gradient_sum"].sensitivity[i]
        assert found == pytest.approx(float(vectors.mean(0).norm()), rel=1e-9)


def test_the_standard_error_of_the_rms_norm_is_the_delta_methods(all_of):
    case, slow, calibration = all_of
    scores = calibration["input_gradient"]
    for i, module in enumerate(modules_of(case)):
        mean, error = mean_and_error(squared_norms(slow, module))
        if mean:
            expected = scores.values[i] * error / (2 * mean)
            np.testing.assert_allclose(scores.standard_error[i], expected, rtol=1e-8)


def test_measured_input_errors_are_those_of_the_inputs(all_of):
    case, slow, _ = all_of
    metric = InputGradient(errors="measured")
    scores = calibrate(case.model, case.data, case.loss, PARSED, [metric])[metric.name]
    for i, module in enumerate(modules_of(case)):
        calls = slow.calls(module)
        if isinstance(module, torch.nn.Embedding):
            continue
        for k, precision in enumerate(PARSED):
            errors = [
                sum(
                    float((precision.input.round_input(x) - x).square().sum())
                    for x, _ in sample
                )
                for sample in calls
            ]
            expected = scores.sensitivity[i] * math.sqrt(np.mean(errors))
            assert scores.values[i, k] == pytest.approx(expected, rel=1e-10)


def test_nominal_input_errors_are_near_measured_ones():
    case = make_case("conv", sizes=(16, 16))
    nominal, measured = InputGradient(), InputGradient(errors="measured")
    precisions = ["fp16", "bf16", "e4m3", "noise1e-3"]
    first = calibrate(case.model, case.data, case.loss, precisions, [nominal])
    second = calibrate(case.model, case.data, case.loss, precisions, [measured])
    ratio = first[nominal.name].values / second[measured.name].values
    assert ((ratio > 0.7) & (ratio < 1.5)).all()


def test_parameter_gradient_is_the_norm_of_the_mean_gradient(all_of):
    case, slow, calibration = all_of
    scores = calibration["parameter_gradient"]
    seen = set()
    for i, module in enumerate(modules_of(case)):
        parameters = list(module.parameters())
        if any(id(p) in seen for p in parameters):
            assert (scores.values[i] == 0).all()
            continue
        seen |= {id(p) for p in parameters}
        gradients = slow.parameter_gradients(module)
        mean = [sum(g) / len(gradients) for g in zip(*gradients, strict=True)]
        norm = math.sqrt(sum(float(g.square().sum()) for g in mean))
        values = [p.detach() for p in parameters]
        assert scores.sensitivity[i] == pytest.approx(norm, rel=1e-10)
        for k, precision in enumerate(PARSED):
            error = math.sqrt(
                sum(float((precision.weight.round(p) - p).norm()) ** 2 for p in values)
            )
            assert scores.values[i, k] == pytest.approx(norm * error, rel=1e-10)


def effects(slow, module, precision, **options):
    return np.array(
        [
            sum(float((g * dz).sum()) for g, dz in calls)
            for calls in slow.first_order(module, precision, **options)
        ]
    )


def linear_effects(slow, module, precision):
    """Return <dl/dx, Q(x) - x> + <dl/dw, Q(w) - w> of each sample."""
    values = list(module.parameters())
    deltas = [(precision.weight.round(p) - p).detach() for p in values]
    # Of this layer's uses alone, where another shares its parameters.
    of_weights = effects(slow, module, precision, rounds_input=False)
    embedding = getattr(slow.case.model, "embedding", None)
    if embedding is None or values[0] is not embedding.weight:
        of_weights = [
            sum(float((g * d).sum()) for g, d in zip(own, deltas, strict=True))
            for own in slow.parameter_gradients(module)
        ]
    if isinstance(module, torch.nn.Embedding):
        return np.array(of_weights)
    of_inputs = [
        sum(
            float((g * (precision.input.round_input(x) - x)).sum())
            for g, (x, _) in zip(own, calls, strict=True)
        )
        for own, calls in zip(
            slow.gradients(module, "input"), slow.calls(module), strict=True
        )
    ]
    return np.add(of_weights, of_inputs)


def test_signed_first_order_is_the_mean_effect_of_both_errors(all_of):
    case, slow, calibration = all_of
    scores = calibration["signed_first_order"]
    for i, module in enumerate(modules_of(case)):
        for k, precision in enumerate(PARSED):
            mean, error = mean_and_error(linear_effects(slow, module, precision))
            assert scores.values[i, k] == pytest.approx(mean, rel=1e-9, abs=1e-15)
            found = scores.standard_error[i, k]
            assert found == pytest.approx(error, rel=1e-7, abs=1e-12)


def total_effects(case, slow, calibration, precision, effect):
    """Return effects by sample of each layer's set of tied layers, at its first."""
    own = np.array([effect(slow, m, precision) for m in modules_of(case)])
    return grouped(own, calibration)


@pytest.mark.parametrize(
    ("name", "effect"), [("loss_mse", linear_effects), ("loss_mse_output", effects)]
)
def test_loss_mse_is_the_mean_squared_effect(all_of, name, effect):
    case, slow, calibration = all_of
    found = grouped(calibration[name].values, calibration)
    for k, precision in enumerate(PARSED):
        total = total_effects(case, slow, calibration, precision, effect)
        np.testing.assert_allclose(
            found[:, k], (total**2).mean(1), rtol=1e-8, atol=1e-18
        )


def test_loss_mse_of_elements_adds_up_their_squares(all_of):
    case, slow, calibration = all_of
    scores = calibration["loss_mse_elements"]
    for i, module in enumerate(modules_of(case)):
        for k, precision in enumerate(PARSED):
            squares = [
                sum(float((g * dz).square().sum()) for g, dz in calls)
                for calls in slow.first_order(module, precision)
            ]
            mean, error = mean_and_error(squares)
            assert scores.values[i, k] == pytest.approx(mean, rel=1e-9)
            assert scores.standard_error[i, k] == pytest.approx(error, rel=1e-6)


def test_empirical_fisher_is_the_form_of_samples_parameter_gradients(all_of):
    case, slow, calibration = all_of
    found = grouped(calibration["empirical_fisher"].values, calibration)
    ties = {name for tie in calibration.ties for name in tie[1:]}
    for i, module in enumerate(modules_of(case)):
        if calibration.layers[i] in ties:
            continue
        gradients = slow.parameter_gradients(module)  # of all uses of the parameters
        for k, precision in enumerate(PARSED):
            own = [p.detach() for p in module.parameters()]
            deltas = [precision.weight.round(p) - p for p in own]
            dots = [
                sum(float((g * d).sum()) for g, d in zip(own, deltas, strict=True))
                for own in gradients
            ]
            expected = 0.5 * np.mean(np.square(dots))
            assert found[i, k] == pytest.approx(expected, rel=1e-8, abs=1e-18)


@pytest.mark.parametrize("name", CASES)
def test_loss_mse_noise_is_near_the_expectation_over_signs(name):
    case = make_case(name, sizes=(2,) * 30)
    precisions = [parse("e4m3"), parse("int4")]
    calibration = calibrate(
        case.model, case.data, case.loss, precisions, ["loss_mse_noise"]
    )
    scores = calibration["loss_mse_noise"]
    small = make_case(name, sizes=(2,) * 30)
    slow = Slow(small)
    for i, module in enumerate(modules_of(small)):
        if calibration.layers[i] in {n for tie in calibration.ties for n in tie}:
            continue
        gradients = slow.parameter_gradients(module)
        inputs = slow.gradients(module, "input")
        calls = slow.calls(module)
        for k, precision in enumerate(precisions):
            values = [p.detach() for p in module.parameters()]
            deltas = [precision.weight.round(p) - p for p in values]
            if k == 0:  # relative errors
                sizes = [
                    (d.square().sum() / p.square().sum()) * p.square()
                    for d, p in zip(deltas, values, strict=True)
                ]
            else:
                sizes = [d.square().mean() for d in deltas]
            of_weights = np.mean(
                [
                    sum(
                        float((g.square() * s).sum())
                        for g, s in zip(own, sizes, strict=True)
                    )
                    for own in gradients
                ]
            )
            normal = torch.randn(1, 200_000).double()
            if k == 0:
                alpha = float(
                    (precision.input.round_input(normal) - normal).square().sum()
                    / normal.square().sum()
                )
                of_inputs = np.mean(
                    [
                        sum(
                            float((x * g).square().sum())
                            for (x, _), g in zip(c, own, strict=True)
                        )
                        for c, own in zip(calls, inputs, strict=True)
                    ]
                )
                of_inputs *= alpha
            else:
                of_inputs = scores.values[i, k] - of_weights  # nominal, checked above
                assert of_inputs > -4 * scores.standard_error[i, k]
            distance = abs(scores.values[i, k] - of_weights - of_inputs)
            allowed = 4 * scores.standard_error[i, k] + 0.05 * of_inputs
            assert distance <= allowed


def tied_modules(case, calibration):
    modules = dict(case.model.named_modules())
    tied = {name: tie for tie in calibration.ties for name in tie}
    return [
        [modules[n] for n in tied.get(name, (name,))]
        if tied.get(name, (name,))[0] == name
        else []
        for name in calibration.layers
    ]


def test_measured_and_output_kl_are_those_of_a_rounded_model(all_of):
    case, slow, calibration = all_of
    outputs, losses = slow.with_rounded([])
    reference = outputs.log_softmax(-1)
    for i, modules in enumerate(tied_modules(case, calibration)):
        for k, precision in enumerate(PARSED):
            changed, rounded = slow.with_rounded([(m, precision) for m in modules])
            mean, error = mean_and_error(rounded - losses)
            scores = calibration["measured"]
            assert scores.values[i, k] == pytest.approx(mean, rel=1e-9, abs=1e-15)
            found = scores.standard_error[i, k]
            assert found == pytest.approx(error, rel=1e-6, abs=1e-12)
            divergence = torch.nn.functional.kl_div(
                changed.log_softmax(-1), reference, log_target=True, reduction="none"
            ).sum(-1)
            found = calibration["output_kl"].values[i, k]
            assert found == pytest.approx(float(divergence.mean()), rel=1e-9, abs=1e-15)


def test_measured_pairs_are_what_two_layers_add(all_of):
    case, slow, calibration = all_of
    _, losses = slow.with_rounded([])
    groups = tied_modules(case, calibration)
    scores = calibration["measured_pairs"]
    np.testing.assert_array_equal(scores.values, calibration["measured"].values)
    for i, j in [(0, 1), (1, 3 if len(groups) > 3 else 2)]:
        for k, h in [(0, 1), (2, 2)]:
            pairs = [(m, PARSED[k]) for m in groups[i]] + [
                (m, PARSED[h]) for m in groups[j]
            ]
            together = (slow.with_rounded(pairs)[1] - losses).mean()
            alone = scores.values[i, k] + scores.values[j, h]
            expected = float(together) - alone
            found = scores.pairs[i, k, j, h]
            assert found == pytest.approx(expected, rel=1e-7, abs=1e-14)
    assert (scores.pairs[1, :, 0] == 0).all()


def test_pairs_of_the_outputs_are_the_quadratic_form_of_their_changes(all_of):
    case, slow, calibration = all_of
    q = slow.with_rounded([])[0].softmax(-1)
    groups = tied_modules(case, calibration)
    scores = calibration["output_kl_pairs"]
    np.testing.assert_array_equal(scores.values, calibration["output_kl"].values)
    base = slow.with_rounded([])[0]

    def change(i, k):
        return slow.with_rounded([(m, PARSED[k]) for m in groups[i]])[0] - base

    form = torch.diag_embed(q) - q[..., :, None] * q[..., None, :]
    for i, j in [(0, 1), (1, 3 if len(groups) > 3 else 2)]:
        for k, h in [(0, 1), (2, 2)]:
            first, second = change(i, k), change(j, h)
            products = torch.einsum("...c,...cd,...d->...", first, form, second)
            expected = float(products.mean())
            found = scores.pairs[i, k, j, h]
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert (scores.pairs[1, :, 0] == 0).all()


def test_first_order_effects_predict_small_measured_changes():
    """Finite differences: with small noise the loss changes as first order says."""
    case = make_case("conv")
    precisions = ["fp16", "bf16"]
    calibration = calibrate(
        case.model, case.data, case.loss, precisions, ["signed_first_order", "measured"]
    )
    predicted = calibration["signed_first_order"].values
    measured = calibration["measured"].values
    np.testing.assert_allclose(predicted, measured, rtol=0.1, atol=1e-7)
