"""Which modules are layers, what they are called, and what they share."""

import pytest
from torch import nn

from mpsolve.errors import InvalidParameterError, InvalidProblemError
from mpsolve.torch import find_layers, find_ties
from tests.torch.models import Repeated, Residual, Transformer, make


def names(model, *args, **kwargs):
    return [layer.name for layer in find_layers(model, *args, **kwargs)]


def test_layers_own_a_weight_matrix_and_norms_do_not():
    assert names(make(Residual)) == ["stem", "a", "b", "head"]


def test_a_layer_knows_its_parameters_and_its_class():
    layer = find_layers(make(Residual), patterns="a")[0]
    assert list(layer.parameters) == ["weight", "bias"]
    assert layer.parameters["weight"] is layer.module.weight
    assert (layer.kind, layer.names, layer.tied) == ("Conv2d", ("a",), ())


def test_a_shared_module_is_one_layer_with_all_its_names():
    layers = find_layers(make(Repeated))
    assert [layer.names for layer in layers] == [("a", "c"), ("b.0",)]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("?", ["a", "b"]),
        (["head", "st*"], ["stem", "head"]),
        ("re:a|b", ["a", "b"]),
        ("re:a", ["a"]),
        (nn.Linear, ["head"]),
        ([nn.Linear, "stem"], ["stem", "head"]),
    ],
)
def test_patterns_select_by_name_and_type(patterns, expected):
    assert names(make(Residual), patterns=patterns) == expected


def test_a_pattern_sees_every_name_of_a_shared_module():
    assert names(make(Repeated), patterns="c") == ["a"]


def test_a_filter_replaces_what_counts_as_a_layer():
    model = make(Residual)
    assert names(model, lambda m, _: isinstance(m, nn.BatchNorm2d)) == ["norm"]
    assert names(model, lambda _, name: name in {"a", "norm"}) == ["norm", "a"]
    # Modules without parameters of their own, such as the model, are no layers.
    assert names(model, lambda *_: True) == ["stem", "norm", "a", "b", "head"]


def test_attention_and_recurrent_modules_are_whole():
    model = nn.ModuleDict(
        {"attention": nn.MultiheadAttention(8, 2), "lstm": nn.LSTM(8, 4, 2)}
    )
    attention, lstm = find_layers(model)
    assert "out_proj.weight" in attention.parameters
    assert "in_proj_weight" in attention.parameters
    assert len(lstm.parameters) == 8


def test_tied_weights_are_found_and_joined():
    model = make(Transformer)
    layers = {layer.name: layer for layer in find_layers(model)}
    assert layers["embedding"].tied == ("output",)
    assert layers["output"].tied == ("embedding",)
    assert layers["q"].tied == ()
    assert find_ties(list(layers.values())) == [("embedding", "output")]


def test_ties_reach_through_a_common_partner():
    a, b, c = (nn.Linear(4, 4) for _ in range(3))
    b.weight, c.bias, c.weight = a.weight, b.bias, nn.Parameter(c.weight)
    model = nn.Sequential(a, b, c)
    assert find_ties(find_layers(model)) == [("0", "1", "2")]
    assert find_ties(find_layers(model, patterns=["0", "2"])) == []


def test_parameters_that_view_the_same_memory_are_tied():
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    model[1].weight = nn.Parameter(model[0].weight.data.t())
    assert find_ties(find_layers(model)) == [("0", "1")]


def test_meta_tensors_are_tied_by_identity_only():
    model = nn.Sequential(
        nn.Linear(4, 4, device="meta"), nn.Linear(4, 4, device="meta")
    )
    assert find_ties(find_layers(model)) == []


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (nn.ReLU(), {}, "ReLU has no parameters"),
        (nn.LayerNorm(4), {}, "has no layer; layers are Linear"),
        (make(Residual), {"filter_fn": lambda *_: False}, "filter_fn: selects no"),
        (
            make(Residual),
            {"patterns": ["head", "layer9.*"]},
            r"patterns\[1\]: 'layer9.\*' selects no layer; layers are stem, a, b, head",
        ),
        (make(Residual), {"patterns": []}, "patterns: must not be empty"),
    ],
)
def test_what_selects_nothing_is_named(model, options, message):
    with pytest.raises(InvalidProblemError, match=message):
        find_layers(model, **options)


def test_arguments_of_a_wrong_kind_are_named():
    with pytest.raises(InvalidParameterError, match=r"model must be a .*Got str"):
        find_layers("model")
    with pytest.raises(InvalidParameterError, match=r"patterns\[0\].*Got 3"):
        find_layers(make(Residual), patterns=[3])
    with pytest.raises(InvalidParameterError, match=r"patterns\[0\]: 're:\('"):
        find_layers(make(Residual), patterns="re:(")
