"""From a layout to a model that runs in it, and back."""

import copy
import inspect
import random

import pytest
import torch
from torch import nn

import mpsolve
from mpsolve.errors import InvalidLayoutError, InvalidParameterError
from mpsolve.torch import (
    add_noise_,
    applied,
    apply_,
    find_layers,
    measured_bytes,
    memory,
    parse,
)
from tests.torch.models import Repeated, Residual, Transformer, images, make, tokens

CASES = {Residual: images, Transformer: tokens, Repeated: lambda: torch.randn(2, 4)}
NAMES = [
    *("fp64", "fp32", "tf32", "bf16", "fp16", "e4m3", "e5m2", "e4m3-channel"),
    *("int8", "int3-g8-asym", "w4a8", "w4a16", "mxfp8", "mxfp4", "nvfp4", "keep"),
]


def names_of(model):
    return [layer.name for layer in find_layers(model)]


def mixed(model, seed=0):
    """Return a layout of everything that there is."""
    rng = random.Random(seed)
    layout = {}
    for layer in find_layers(model):
        tied = [layout[other] for other in layer.tied if other in layout]
        layout[layer.name] = tied[0] if tied else rng.choice(NAMES)
    return layout


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_parameters_take_the_bytes_that_were_predicted(kind, name):
    model = make(kind)
    layers = find_layers(model)
    made = applied(model, dict.fromkeys(names_of(model), name))
    predicted = memory(layers, [name])[:, 0]
    modules = [made.get_submodule(layer.name) for layer in layers]
    assert measured_bytes(modules) == predicted.sum()
    assert not any(layer.tied for layer in layers) or predicted[-1] == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_mixed_layout_takes_the_bytes_that_were_predicted(seed):
    for kind in CASES:
        model = make(kind)
        layers, layout = find_layers(model), mixed(model, seed)
        made = applied(model, layout)
        sizes = memory(layers, NAMES)
        predicted = [
            sizes[i, NAMES.index(layout[layer.name])] for i, layer in enumerate(layers)
        ]
        modules = [made.get_submodule(layer.name) for layer in layers]
        assert measured_bytes(modules) == sum(predicted)
        rest = measured_bytes(model) - measured_bytes(layer.module for layer in layers)
        assert measured_bytes(made) == sum(predicted) + rest


@pytest.mark.parametrize("name", NAMES)
def test_layers_hold_the_rounded_values(name):
    model = make(Residual)
    made = applied(model, dict.fromkeys(names_of(model), name))
    for layer in find_layers(model):
        module = made.get_submodule(layer.name)
        for key, parameter in layer.parameters.items():
            held = getattr(module, key).double()
            # From the stored bytes, and through none of the code that stored them.
            expected = parse(name).weight.round(parameter).double()
            compute = getattr(module, key).dtype
            assert torch.equal(held, expected.to(compute).double())


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_removing_gives_back_every_bit(kind, seed):
    model, inputs = make(kind), CASES[kind]()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    parameters = [id(p) for p in model.parameters()]
    expected = model(inputs)
    types = {name: type(m) for name, m in model.named_modules()}
    handle = apply_(model, mixed(model, seed))
    model(inputs)
    handle.remove()
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], t) for name, t in before.items())
    assert [id(p) for p in model.parameters()] == parameters
    assert {name: type(m) for name, m in model.named_modules()} == types
    assert not any("forward" in vars(m) for m in model.modules())
    assert torch.equal(model(inputs), expected)
    handle.remove()  # once is enough, twice does no harm


def test_a_context_removes_even_after_an_error():
    model = make(Residual)
    with pytest.raises(RuntimeError), apply_(model, {"a": "fp16"}):
        model(torch.zeros(1, 2))
    assert model.a.weight.dtype == torch.float32


def test_a_copy_leaves_the_model_alone():
    model = make(Residual)
    before = copy.deepcopy(model.state_dict())
    made = applied(model, mixed(model))
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert not torch.equal(made(images()), model(images()))


@pytest.mark.parametrize("kind", CASES)
def test_state_dicts_make_the_round_trip(kind, tmp_path):
    model, other = make(kind), make(kind)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    layout = mixed(model, seed=1)
    made, target = applied(model, layout), applied(other, layout)
    torch.save(made.state_dict(), tmp_path / "state.pt")
    target.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    inputs = CASES[kind]()
    assert torch.equal(made(inputs), target(inputs))


def test_the_signature_of_a_model_stays():
    model = make(Residual)
    before = inspect.signature(model.forward)
    with apply_(model, {"a": "fp16"}):
        assert inspect.signature(model.forward) == before


def test_copies_of_an_applied_model_run_by_themselves():
    model = applied(make(Residual), mixed(make(Residual)))
    twin = copy.deepcopy(model)
    expected = model(images())
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.zero_()
    assert torch.equal(twin(images()), expected)


def test_tied_parameters_stay_one():
    model = make(Transformer)
    made = applied(model, {"embedding": "fp16"})
    assert made.output.weight is made.embedding.weight
    assert made.output.weight.dtype == torch.float16
    packed = applied(model, {"output": "int8"})
    a = packed.embedding.parametrizations.weight.original0
    b = packed.output.parametrizations.weight.original0
    assert a.data_ptr() == b.data_ptr()


def test_a_solved_layout_applies_as_it_is():
    model = make(Residual)
    layers, names = find_layers(model), ["fp16", "int4"]
    problem = mpsolve.Problem.from_arrays(
        [[0.0, 1.0 + i] for i in range(4)],
        usage={"memory": memory(layers, names)},
        budgets={"memory": 500},
        layers=[layer.name for layer in layers],
        precisions=names,
    )
    result = mpsolve.solve(problem)
    made = applied(model, result.layout)
    assert (
        measured_bytes([made.get_submodule(layer.name) for layer in layers])
        == (result.usage["memory"])
    )
    assert len(set(dict(result.layout).values())) == 2


def test_gradients_reach_inputs_and_native_parameters():
    model = make(Residual)
    x = images().requires_grad_()
    with apply_(model, {"a": "bf16", "b": "int4", "head": "fp64"}):
        model(x).sum().backward()
        assert model.a.weight.grad.dtype == torch.bfloat16
    assert x.grad.abs().sum() > 0


def test_training_mode_and_no_grad_work():
    model = make(Residual).train()
    with torch.no_grad(), apply_(model, mixed(model, 2)):
        assert model(images()).isfinite().all()


@pytest.mark.parametrize("kind", [Residual, Transformer])
def test_compiled_models_give_the_same(kind):
    model, inputs = make(kind), CASES[kind]()
    made = applied(model, mixed(model, seed=3))
    with torch.no_grad():
        expected = made(inputs)
        found = torch.compile(made, backend="aot_eager")(inputs)
    assert torch.allclose(found, expected, rtol=1e-2, atol=1e-2)


def test_torchs_transformer_layer_runs_in_a_layout():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(2, 5, 8)
    with torch.no_grad():
        expected = model(x)
        for name in ("bf16", "fp64", "int8"):
            layout = {"self_attn": name, "linear1": "bf16", "linear2": "fp32"}
            with apply_(model, layout):
                found = model(x)
            assert torch.allclose(found, expected, atol=0.1)
            assert not torch.equal(found, expected)


def test_recurrent_layers_run_in_native_types_only():
    model = nn.ModuleDict({"lstm": nn.LSTM(4, 3)})
    model.forward = lambda x: model["lstm"](x)[0]
    x = torch.randn(5, 2, 4)
    expected = model(x)
    with apply_(model, {"lstm": "bf16"}):
        assert torch.allclose(model(x), expected, atol=0.02)
    assert torch.equal(model(x), expected)
    with pytest.raises(InvalidLayoutError, match=r"recurrent layers take.*'int8'"):
        apply_(model, {"lstm": "int8"})


def test_every_fault_of_a_layout_is_named():
    model = make(Transformer)
    layout = {"q": "fp17", "nothing": "fp16", "embedding": "int8", "output": "fp16"}
    with pytest.raises(InvalidLayoutError) as error:
        apply_(model, layout)
    text = str(error.value)
    assert "layout['q']: precision must be one of" in text
    assert "layout['nothing']: the model has no such layer" in text
    assert "shares a parameter with 'embedding', which is 'int8'" in text
    assert not hasattr(model.embedding, "parametrizations")


def test_calls_of_a_layer_must_agree():
    model = make(Repeated)
    assert applied(model, {"a": "fp16", "a@1": "fp16"}).a.weight.dtype == torch.float16
    with pytest.raises(
        InvalidLayoutError, match=r"'a@1'.*but the same layer is 'fp16'"
    ):
        apply_(model, {"a": "fp16", "a@1": "bf16"})


def test_two_layouts_at_once_are_refused():
    model = make(Residual)
    handle = apply_(model, {"a": "fp16"})
    with pytest.raises(InvalidParameterError, match="has a layout already"):
        apply_(model, {"b": "fp16"})
    handle.remove()
    apply_(model, {"b": "fp16"}).remove()


def test_an_unknown_backend_is_named():
    with pytest.raises(
        InvalidParameterError, match="backend must be one of torch, tor"
    ):
        apply_(make(Residual), {}, backend="cuda")


def test_noise_changes_what_it_says_and_can_be_repeated():
    model = make(Residual)
    exact, weight = model(images()), model.a.weight.clone()
    outputs = []
    for seed in (1, 1, 2):
        with add_noise_(model, {"a": 1e-3, "b": 0.0}, seed=seed):
            change = (model.a.weight - weight).abs()
            assert 5e-4 < change.max() <= 1e-3
            assert torch.equal(model.b.weight, make(Residual).b.weight)
            outputs.append(model(images()))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(model(images()), exact)


def test_noise_may_meet_inputs_or_parameters_alone():
    model = make(Residual)
    exact = model(images())
    with add_noise_(model, {"a": 1e-2}, seed=0, parameters=False):
        assert torch.equal(model.a.weight, make(Residual).a.weight)
        assert not torch.equal(model(images()), exact)
    with add_noise_(model, {"a": 1e-2}, seed=0, inputs=False):
        assert torch.equal(model(images()), model(images()))
        assert not torch.equal(model(images()), exact)
