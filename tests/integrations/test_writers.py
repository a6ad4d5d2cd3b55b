"""What every writer holds to, each host's names matched as the host matches them."""

import fnmatch
import json
import re

import pytest

import mpsolve
from mpsolve import InvalidLayoutError, InvalidParameterError, Layout, Problem
from mpsolve.integrations import WRITERS, export, llama_cpp, mlx, modelopt

#: Names of which one is the beginning of another, or matches it as a pattern.
LAYOUT = {
    "model.layers.1.mlp.up_proj": "int4g32",
    "model.layers.10.mlp.up_proj": "int8g32",
    "model.layers.11.mlp.up_proj": "fp16",
}
OTHERS = ["model.layers.1.mlp.up_proj_2", "model.layers.1xmlp.up_proj", "lm_head"]
OPTIONS = {
    "exllamav3": {"sources": dict.fromkeys(["int4g32", "int8g32", "fp16"], "/m")},
    "auto-round": {"others": OTHERS},
    "olive": {"others": OTHERS[-1:]},
}
#: Olive gives a precision to every linear layer but the head.
UNNAMED = {"olive": OTHERS[-1:]}


def layout_for(host):
    # NNCF's 8 bit is by channel, and it has no third kind beside it.
    if host == "nncf":
        return {**LAYOUT, **dict.fromkeys(list(LAYOUT)[1:], "int8")}
    if host == "olive":
        return {**LAYOUT, "model.layers.11.mlp.up_proj": "int8g32"}
    return LAYOUT


def bits_by_name(host, config, name):
    """Return what the host would do with a module: bits, or None to leave it alone."""
    match host:
        case "compressed-tensors":
            groups = config["config_groups"].values()
            found = [g["weights"]["num_bits"] for g in groups if name in g["targets"]]
            return found[0] if found else None
        case "torchao":
            entry = config["_data"]["fqn_to_config"].get(name)
            if entry is None:
                return None
            return int(entry["_data"]["weight_dtype"]["_data"].removeprefix("int"))
        case "gptqmodel":
            rules = {
                p: o for p, o in config["dynamic"].items() if re.match(p[2:], name)
            }
            assert len(rules) == 1, "in whatever order they are read"
            [(pattern, override)] = rules.items()
            return override["bits"] if pattern[0] == "+" else None
        case "modelopt":
            bits = None
            for rule in config["quant_cfg"]:
                if fnmatch.fnmatch(f"{name}.weight_quantizer", rule["quantizer_name"]):
                    bits = rule["cfg"]["num_bits"] if rule["enable"] else None
            return bits
        case "auto-round":
            bits = config["layer_config"].get(name, config["scheme"])["bits"]
            return None if bits == 16 else bits
        case "llama.cpp":
            if name not in LAYOUT:
                return None
            tensor = llama_cpp.tensor_name(name)
            for line in config.splitlines():
                pattern, _, kind = line.rpartition("=")
                if re.search(pattern.lower(), tensor):
                    return {"q4_0": 4, "q8_0": 8, "f16": None}[kind]
            return None
        case "exllamav3":
            for line in config.splitlines():
                if line.startswith('- {"key"'):
                    rule = json.loads(line[2:])
                    parts = map(re.escape, rule["key"].split("*"))
                    if re.fullmatch(".*".join(parts), f"{name}.trellis"):
                        return {"int4g32": 4, "int8g32": 8}.get(rule["source"])
            return None
        case "nncf":
            weight = f"{name}.weight"
            if weight in config["int4"]:
                return 4
            return 8 if weight in config["backup"] else None
        case "mlx":
            entry = config["quantization"].get(name, False)
            return (entry and entry["bits"]) or None
        case "olive":
            info = config["mixed_precision_info"]
            if name == "lm_head" and not info["default"]["lm_head"]:
                return None
            return {**info["default"], **info["overrides"].get(name, {})}["bits"]
        case "neural-compressor":
            found = config["global"]
            for pattern, entry in config["local"].items():
                if re.match(pattern, name):
                    found = entry
            return found.get("bits")


@pytest.mark.parametrize("host", WRITERS)
def test_every_layer_gets_its_precision_and_no_other_layer_any(host):
    layout = layout_for(host)
    config = export(layout, host, **OPTIONS.get(host, {}))
    expected = {"int4g32": 4, "int8g32": 8, "int8": 8, "fp16": None}
    for name, precision in layout.items():
        assert bits_by_name(host, config, name) == expected[precision], name
    for name in UNNAMED.get(host, OTHERS):
        assert bits_by_name(host, config, name) is None, name


@pytest.mark.parametrize("host", WRITERS)
def test_files_hold_the_configuration(host, tmp_path):
    path = tmp_path / "config"
    config = export(layout_for(host), host, path, **OPTIONS.get(host, {}))
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    if isinstance(config, str):
        assert text == config + "\n"
    else:
        assert json.loads(text) == json.loads(json.dumps(config))


@pytest.mark.parametrize("host", WRITERS)
def test_what_a_host_cannot_express_names_every_layer(host):
    layout = {"model.layers.0.mlp.up_proj": "int4", "model.layers.1.mlp.up_proj": "q9"}
    options = {"sources": {"int4": "/m"}} if host == "exllamav3" else {}
    with pytest.raises(InvalidLayoutError, match=r"choices\['model.layers.1") as caught:
        export(layout, host, **options)
    assert "'q9'" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "precision", "reason"),
    [
        ("compressed-tensors", "w4a3", "the bits of an activation must be one of"),
        ("torchao", "nvfp4", "prototype"),
        ("gptqmodel", "w8a8", "does not quantize activations"),
        ("gptqmodel", "int4g48", "group size"),
        ("modelopt", "int4g64_asym", "no zero point"),
        ("auto-round", "int5", "bits of a weight must be one of 2, 3, 4, 8"),
        ("llama.cpp", "int4", "no ggml type"),
        ("mlx", "int4", "group size must be one of 32, 64, 128"),
        ("olive", "int3", "must be one of 2, 4, 8"),
        ("nncf", "int2", "must be one of 4, 8"),
        ("neural-compressor", "fp8", "integer weights only"),
    ],
)
def test_reasons(host, precision, reason):
    with pytest.raises(InvalidLayoutError, match=reason):
        export({"model.layers.0.mlp.up_proj": precision}, host)


def test_meanings_of_names_are_the_callers():
    config = export({"fc": "small"}, "gptqmodel", formats={"small": "int4g128"})
    assert config["bits"] == 4
    words = {"small": {"bits": 2, "desc_act": True}}
    assert export({"fc": "small"}, "gptqmodel", formats=words)["desc_act"] is True
    # Also where the name would mean something by itself.
    config = export({"fc": "int4"}, "mlx", formats={"int4": "int8g64"})
    assert config["quantization"]["fc"]["bits"] == 8


def test_a_group_of_several_modules():
    members = {"qkv": ["l.0.q_proj", "l.0.k_proj"]}
    config = export({"qkv": "w8a8"}, "compressed-tensors", members=members)
    assert config["config_groups"]["group_0"]["targets"] == members["qkv"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": {"int2": "int2"}}, "the layout has no precision 'int2'"),
        ({"members": {"b": ["b.0"]}}, "the layout has no layer 'b'"),
        ({"nonsense": 1}, "gptqmodel: .*nonsense"),
        ({"formats": {"int4": 4}}, "cannot express 'int4'"),
        ({"members": {"a": ["x", "x"]}}, "'x' is already that of 'a'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((InvalidParameterError, InvalidLayoutError), match=message):
        export({"a": "int4"}, "gptqmodel", **options)


def test_unknown_hosts():
    with pytest.raises(InvalidParameterError, match=r"host must be one of auto-round"):
        export({"a": "int4"}, "torch")


def test_a_missing_option_of_a_host():
    with pytest.raises(InvalidParameterError, match=r"exllamav3: .*sources"):
        export({"a": "int4"}, "exllamav3")


def test_layouts_export_themselves(tmp_path):
    problem = Problem.from_arrays([[1, 0]], layers=["fc"], precisions=["int4", "int8"])
    layout = mpsolve.solve(problem).layout
    assert isinstance(layout, Layout)
    config = layout.export("gptqmodel", tmp_path / "q.json")
    assert config["bits"] == 8
    assert json.loads((tmp_path / "q.json").read_text()) == config


def test_nothing_to_quantize():
    with pytest.raises(InvalidLayoutError, match=r"nothing to quantize"):
        export({"fc": "bf16"}, "gptqmodel")


def test_special_characters_are_no_patterns():
    config = modelopt.export({"a[0]": "int8", "a0": "fp16"})
    assert bits_by_name("modelopt", config, "a[0]") == 8
    assert bits_by_name("modelopt", config, "a0") is None
    config = export({"a+b": "int4", "aab": "int8"}, "gptqmodel")
    assert bits_by_name("gptqmodel", config, "a+b") == 4
    assert bits_by_name("gptqmodel", config, "aab") == 8


@pytest.mark.parametrize(
    ("host", "name"),
    [("torchao", "re:a"), ("compressed-tensors", "re:a"), ("mlx", "bits")],
)
def test_names_that_are_patterns_for_the_host_are_refused(host, name):
    with pytest.raises(InvalidLayoutError, match=r"there|pattern"):
        export({name: "int4g64"}, host)


def test_llama_cpp_knows_its_types_and_names():
    layout = {
        "model.embed_tokens": "q8_0",
        "model.layers.3.self_attn.kv_a_proj_with_mqa": "q4_K",
        "blk.3.ffn_gate_exps": "iq4_xs",
        "output.weight": "bf16",
    }
    assert export(layout, "llama.cpp").splitlines() == [
        r"^token_embd\.weight$=q8_0",
        r"^blk\.3\.attn_kv_a_mqa\.weight$=q4_k",
        r"^blk\.3\.ffn_gate_exps\.weight$=iq4_xs",
        r"^output\.weight$=bf16",
    ]
    with pytest.raises(InvalidLayoutError, match=r"experts of a block are one tensor"):
        export({"model.layers.3.mlp.experts.7.up_proj": "q4_K"}, "llama.cpp")
    with pytest.raises(InvalidLayoutError, match=r"no name of a GGUF file"):
        export({"Conv1": "q4_K"}, "llama.cpp")


def test_exllamav3_takes_layers_from_models():
    layout = {"l.1.mlp": "4bpw", "l.2.mlp": "6bpw"}
    text = export(layout, "exllamav3", sources={"6bpw": "/m/6"}, base="4bpw")
    assert json.loads(text.splitlines()[-1][2:]) == {
        "key": "l.2.mlp.*",
        "source": "6bpw",
    }
    assert "l.1.mlp" not in text
    with pytest.raises(InvalidLayoutError, match=r"needs a folder in sources"):
        export(layout, "exllamav3", sources={"6bpw": "/m/6"})
    nested = {"l.1": "4bpw", "l.1.mlp": "6bpw"}
    with pytest.raises(InvalidLayoutError, match=r"is inside 'l.1'"):
        export(nested, "exllamav3", sources={"4bpw": "a", "6bpw": "b"})


def test_gptqmodel_names_what_an_engine_fuses():
    layout = dict.fromkeys(["l.0.q_proj", "l.0.k_proj", "l.0.v_proj"], "int4g64")
    config = export(layout, "gptqmodel", engine="vllm")
    assert config["dynamic"][r"+:^l\.0\.qkv_proj$"]["bits"] == 4
    with pytest.raises(InvalidLayoutError, match=r"other parts of 'l.0.qkv_proj'"):
        export({**layout, "l.0.k_proj": "int8g64"}, "gptqmodel", engine="vllm")


def test_modelopt_deployment_file():
    config = modelopt.deployment({"a": "fp8", "b": "nvfp4", "c": "bf16"})
    assert config["quantization"]["quantized_layers"]["a"] == {"quant_algo": "FP8"}
    assert config["quantization"]["exclude_modules"] == ["c"]
    with pytest.raises(InvalidLayoutError, match=r"is none of FP8"):
        modelopt.deployment({"a": "int3"})


def test_nncf_refuses_a_third_kind():
    with pytest.raises(InvalidLayoutError, match=r"choices\['c'\].*one backup mode"):
        export({"a": "int4", "b": "int8", "c": "fp16"}, "nncf")
    with pytest.raises(InvalidLayoutError, match=r"choices\['b'\].*the format of 'a'"):
        export({"a": "int4g64", "b": "int4g32"}, "nncf")
    with pytest.raises(InvalidLayoutError, match=r"needs layers of 4 bits"):
        export({"a": "int8"}, "nncf")


def test_mlx_predicate_leaves_the_rest_alone():
    choose = mlx.predicate({"l.1": "int4g64"})
    assert choose("l.1", None) == {"bits": 4, "group_size": 64, "mode": "affine"}
    assert choose("l.10", None) is False


def test_olive_quantizes_the_head_and_the_embedding_where_the_layout_does():
    layout = {"l.0.fc": "int4g32", "lm_head": "int8g32", "model.embed_tokens": "fp16"}
    info = export(layout, "olive")["mixed_precision_info"]
    assert info["default"]["lm_head"] is True
    assert info["default"]["embeds"] is False
    assert info["overrides"]["lm_head"]["bits"] == 8


def test_olive_cannot_leave_a_layer_as_it_is():
    layout = {"l.0.fc": "int4g32", "l.1.fc": "bf16", "lm_head": "bf16"}
    with pytest.raises(InvalidLayoutError, match="cannot leave a layer") as caught:
        export(layout, "olive", others=["l.2.fc"])
    assert [fault.path for fault in caught.value.faults] == [
        "choices['l.1.fc']",
        "choices['l.2.fc']",
    ]


def test_olive_wants_query_key_and_value_to_agree():
    layout = {"l.0.q_proj": "int4g32", "l.0.k_proj": "int8g32"}
    with pytest.raises(InvalidLayoutError, match=r"l\.0\.qkv_proj.*fused"):
        export(layout, "olive")
