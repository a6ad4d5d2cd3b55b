"""Calibration as a whole: what it takes, what it refuses, what it leaves behind."""

import numpy as np
import pytest
import torch
from torch import nn

from mpsolve.errors import InvalidParameterError, InvalidProblemError
from mpsolve.torch import Calibration, Noise, calibrate, parse
from mpsolve.torch.metrics import METRICS, HessianTrace, make_metrics
from mpsolve.torch.precisions import Keep, LayerPrecision
from tests.torch.small_models import make_case

GRADIENT = ["input_gradient", "parameter_gradient", "signed_first_order", "loss_mse"]


def run(case, metrics=("input_gradient",), precisions=("fp16", "int4"), **options):
    return calibrate(case.model, case.data, case.loss, precisions, metrics, **options)


def test_metrics_do_not_depend_on_each_other():
    case = make_case("residual")
    together = run(case, list(METRICS))
    for name in METRICS:
        alone = run(case, [name])[name]
        np.testing.assert_array_equal(alone.values, together[name].values, name)


def test_the_model_is_left_as_it_was():
    case = make_case("residual")
    model = case.model.train()
    model.fc.weight.requires_grad_(False)
    model.stem.weight.grad = torch.ones_like(model.stem.weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    run(case, list(METRICS))
    assert all(module.training for module in model.modules())
    assert [p.requires_grad for p in model.parameters()].count(False) == 1
    assert (model.stem.weight.grad == 1).all()
    assert model.last.weight.grad is None
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert "forward" not in vars(module)
    assert torch.equal(torch.get_rng_state(), generator)


def test_an_error_leaves_the_model_as_it_was():
    case = make_case("conv")
    case.model.train()
    with pytest.raises(InvalidParameterError):
        calibrate(case.model, case.data, lambda output, _: output, ["fp16"])
    assert case.model.training
    assert all(p.requires_grad for p in case.model.parameters())
    assert not case.model.conv1._forward_hooks


def test_batches_of_any_size_give_the_same_means():
    one, two = make_case("conv", sizes=(6,)), make_case("conv", sizes=(6,))
    x, y = one.data[0]
    two.data[:] = [(x[:1], y[:1]), (x[1:4], y[1:4]), (x[4:], y[4:])]
    names = [n for n in METRICS if n not in ("hessian_trace", "loss_mse_noise")]
    first, second = run(one, names), run(two, names)
    for name in names:
        np.testing.assert_allclose(
            first[name].values, second[name].values, rtol=1e-9, atol=1e-16, err_msg=name
        )
    assert first.loss == pytest.approx(second.loss)


def test_a_loss_of_batches_gives_the_same_values_and_its_own_errors():
    case = make_case("conv", sizes=(2,) * 5)

    def mean(output, targets):
        return nn.functional.cross_entropy(output, targets)

    named = run(case, ["measured", "loss_mse"])
    other = calibrate(
        case.model, case.data, mean, ["fp16", "int4"], ["measured", "loss_mse"]
    )
    for name in named:
        np.testing.assert_allclose(named[name].values, other[name].values, atol=1e-15)
    assert np.isfinite(other["measured"].standard_error).all()
    assert other.loss_name == "mean"


def test_a_single_observation_has_no_standard_error():
    case = make_case("conv", sizes=(1,))
    assert np.isnan(run(case, ["loss_mse"])["loss_mse"].standard_error).all()


def test_named_inputs_and_mappings():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, values, labels):
            return {"logits": self.fc(values)}

    def loss(output, batch):
        return nn.functional.cross_entropy(output["logits"], batch["labels"])

    torch.manual_seed(0)
    data = [{"values": torch.randn(4, 3), "labels": torch.tensor([0, 1, 0, 1])}]
    found = calibrate(Named(), data, loss, ["int4"], ["loss_mse", "output_kl"])
    assert (found["loss_mse"].values > 0).all()
    assert (found["output_kl"].values > 0).all()


def test_large_layers_take_the_other_way_to_the_same_numbers(monkeypatch):
    case = make_case("residual")
    names = ["parameter_gradient", "loss_mse", "empirical_fisher"]
    by_sample = run(case, names)
    monkeypatch.setattr("mpsolve.torch.sample_gradients.MOST_PARAMETERS", 0)
    by_output = run(case, names)
    for name in names:
        np.testing.assert_allclose(
            by_sample[name].values, by_output[name].values, rtol=1e-8, atol=1e-18
        )


@pytest.mark.parametrize("kind", ["conv", "residual", "transformer"])
def test_inputs_rounded_a_sample_at_a_time_give_the_same_numbers(kind, monkeypatch):
    case, precisions = make_case(kind), ["fp16", "int4", "int8", "mxfp4"]
    at_once = run(case, ["loss_mse"], precisions)["loss_mse"]
    monkeypatch.setattr("mpsolve.torch.inputs.ROUNDED_AT_ONCE", 1)
    one_by_one = run(case, ["loss_mse"], precisions)["loss_mse"]
    np.testing.assert_allclose(one_by_one.values, at_once.values, rtol=1e-12)


def test_activations_in_place_do_not_disturb_metrics():
    def network(*, inplace):
        torch.manual_seed(1)
        parts = [nn.Linear(5, 6), nn.ReLU(inplace), nn.Linear(6, 6), nn.ReLU(inplace)]
        return nn.Sequential(*parts, nn.Linear(6, 3)).double()

    torch.manual_seed(0)
    data = [(torch.randn(8, 5).double(), torch.randint(3, (8,)))]
    names = [*GRADIENT, "loss_mse_output", "loss_mse_elements", "empirical_fisher"]
    first, second = (
        calibrate(network(inplace=i), data, precisions=["int4"], metrics=names)
        for i in (False, True)
    )
    for name in names:
        np.testing.assert_array_equal(first[name].values, second[name].values, name)


def test_noise_follows_the_seed():
    case = make_case("conv")
    first, again, other = (
        run(case, ["measured"], ["noise1e-2"], seed=seed)["measured"].values
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_exact_precisions_cost_nothing():
    case = make_case("transformer")
    keep = LayerPrecision("keep", Keep(), Keep())
    names = [n for n in METRICS if n != "measured_pairs"]
    for name, scores in run(case, names, [keep]).items():
        assert (scores.values == 0).all(), name


def test_a_callable_is_a_metric():
    def spread(context, batch):
        """A metric of parameters alone."""
        values = [
            [float(layer.parameters["weight"].detach().std())] * len(context.precisions)
            for layer in context.layers
        ]
        return batch.num_samples * np.array(values)

    case = make_case("conv", sizes=(3, 1))
    scores = run(case, [spread])["spread"]
    expected = float(case.model.conv1.weight.detach().std())
    assert scores.values[0] == pytest.approx([expected * (9 + 1) / 4] * 2)
    assert scores.is_signed


def test_metrics_of_other_packages(monkeypatch):
    class Entry:
        name = "theirs"

        @staticmethod
        def load():
            return HessianTrace

    monkeypatch.setattr(
        "mpsolve.torch.metrics.entry_points",
        lambda group, name="theirs": [Entry] if name == "theirs" else [],
    )
    (metric,) = make_metrics(["theirs"])
    assert isinstance(metric, HessianTrace)


def test_progress_calls_back():
    seen = []
    case = make_case("conv", sizes=(3, 2))
    found = run(case, progress=lambda *values: seen.append(values))
    assert [values[:2] for values in seen] == [(1, 3), (2, 5)]
    assert seen[-1][2] == pytest.approx(found.loss)


def test_a_progress_bar_goes_to_standard_error(capsys):
    run(make_case("conv"), ["measured"], progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


# -- bad input ------------------------------------------------------------------


def fails(message, *args, error=InvalidParameterError, **options):
    with pytest.raises(error, match=message):
        calibrate(*args, **options)


def test_a_model_without_parameters():
    fails("Identity has no parameters", nn.Identity(), [], error=InvalidProblemError)


def test_a_filter_that_matches_nothing():
    case = make_case("conv")
    fails(
        r"'block\.\*' selects no layer",
        case.model,
        case.data,
        patterns="block.*",
        error=InvalidProblemError,
    )


def test_a_loss_that_is_no_scalar():
    case = make_case("conv")

    def rows(output, targets):
        return nn.functional.cross_entropy(output, targets, reduction="none")

    fails(
        r"loss 'rows' must return a scalar.*shape \(3,\)", case.model, case.data, rows
    )
    fails("Got a float", case.model, case.data, lambda *_: 1.0)
    fails("loss must be a callable or one of", case.model, case.data, "crossentropy")


def test_a_loss_without_a_gradient():
    case = make_case("conv")

    def constant(output, targets):
        return torch.tensor(1.0)

    fails("'constant' depends on no layer", case.model, case.data, constant)


@pytest.mark.parametrize("metric", ["input_gradient", "loss_mse", "parameter_gradient"])
def test_gradients_that_are_not_numbers(metric):
    case = make_case("conv")

    def root(output, targets):
        return (output * 0).sum().abs().sqrt()

    fails(
        r"layer '(conv1|fc)': the gradient must be finite",
        case.model,
        case.data,
        root,
        metrics=[metric],
    )


def test_a_loss_that_is_not_finite():
    case = make_case("conv")

    def infinite(output, targets):
        return output.sum() * torch.inf

    fails("'infinite' must be finite", case.model, case.data, infinite)


def test_data_that_run_out():
    case = make_case("conv", sizes=(3, 2))
    fails(
        "data: exhausted after 2 batches of the 5", case.model, case.data, num_batches=5
    )
    fails("data: must hold at least one batch", case.model, [])
    fails("batch 0 must be", case.model, [torch.zeros(3)])
    fails("no samples", case.model, [(torch.zeros(0, 3), torch.zeros(0))])


def test_precisions_that_are_none():
    case = make_case("conv")
    fails("precision must be one of", case.model, case.data, precisions=["int9"])
    fails("each with its own name", case.model, case.data, precisions=["int4", "int4"])
    fails("metric must be one of", case.model, case.data, metrics=["loss"])


def test_a_precision_that_the_device_lacks():
    class Missing(Noise):
        def round(self, x):
            raise NotImplementedError

    case = make_case("conv")
    precision = LayerPrecision("fp3", Missing(0.1), Keep())
    fails("precision 'fp3': cpu cannot", case.model, case.data, precisions=[precision])


def test_a_layer_without_a_dimension_of_samples():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Linear(2, 2)
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x + self.table(torch.ones(3, 2)).sum(0))

    data = [(torch.zeros(4, 2), torch.zeros(4, dtype=torch.long))]
    fails("layer 'table'.*samples", Positions(), data)


def test_a_metric_that_returns_nonsense():
    case = make_case("conv")
    fails(r"shape \(3, 3\)", case.model, case.data, metrics=[lambda c, b: np.ones(2)])

    def broken(context, batch):
        return np.full(context.shape, np.nan)

    fails("metric 'broken'.*layer 'conv1'", case.model, case.data, metrics=[broken])


# -- files ----------------------------------------------------------------------


def test_a_saved_calibration_is_the_same(tmp_path):
    case = make_case("transformer")
    found = run(case, ["input_gradient", "measured_pairs", "loss_mse"])
    found.save(tmp_path / "stories")
    loaded = Calibration.load(tmp_path / "stories.json")
    assert repr(loaded) == repr(found)
    for name in found:
        for array in ("values", "standard_error", "sensitivity", "pairs"):
            one, two = getattr(found[name], array), getattr(loaded[name], array)
            assert (one is None) == (two is None)
            if one is not None:
                np.testing.assert_array_equal(one, two)
    assert (loaded.ties, loaded.loss, loaded.seed) == (found.ties, found.loss, 0)


def test_files_that_do_not_belong_together(tmp_path):
    case = make_case("conv")
    run(case).save(tmp_path / "a")
    run(case, ["loss_mse"]).save(tmp_path / "b")
    (tmp_path / "b.safetensors").replace(tmp_path / "a.safetensors")
    with pytest.raises(InvalidParameterError, match="checksum differs"):
        Calibration.load(tmp_path / "a")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InvalidParameterError, match="must be a calibration"):
        Calibration.load(tmp_path / "a")


def test_checkpoints_of_another_calibration_are_refused(tmp_path):
    case = make_case("conv", sizes=(2,) * 4)
    path = tmp_path / "sums.safetensors"

    def stop(batches, *_):
        if batches == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(case, checkpoint=path, checkpoint_every=1, progress=stop)
    assert path.exists()
    with pytest.raises(
        InvalidParameterError, match=r"another calibration.*seed: 0, now 1"
    ):
        run(case, checkpoint=path, seed=1)
    resumed, whole = run(case, checkpoint=path), run(case)
    np.testing.assert_array_equal(
        resumed["input_gradient"].values, whole["input_gradient"].values
    )
    assert resumed.num_samples == 8
    assert not path.exists()
    path.write_bytes(b"no tensors")
    with pytest.raises(InvalidParameterError, match="must be a checkpoint"):
        run(case, checkpoint=path)


def test_the_parsed_precisions_are_what_was_meant():
    case = make_case("conv")
    given = [parse("w4a8"), Noise(1e-3), "e4m3"]
    assert run(case, precisions=given).precisions == ("w4a8", "noise0.001", "e4m3")
