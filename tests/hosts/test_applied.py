"""Layouts that hosts apply for real: every layer is looked at afterwards."""

import json
import os

import pytest

from mpsolve.integrations import export, modelopt, nncf, torchao
from mpsolve.integrations.formats import parse_format
from tests.hosts.conftest import require

require("torch", "transformers")

import torch  # noqa: E402

from benchmarks.hosts.network import (  # noqa: E402
    batches,
    linears,
    save,
    tokenizer,
    untrained,
)

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]


def spread(names, precisions):
    """Give the layers precisions in turn, so that neighbours and 1, 10, 11 differ."""
    return {name: precisions[i % len(precisions)] for i, name in enumerate(names)}


@pytest.fixture
def model():
    return untrained()


def through_json(config):
    return json.loads(json.dumps(config))


def modules_of(model, layout):
    found = {name: module for name, module in model.named_modules() if name in layout}
    assert set(found) == set(layout)
    return found


def test_compressed_tensors(model):
    require("compressed-tensors")
    from compressed_tensors.quantization import (
        QuantizationConfig,
        apply_quantization_config,
    )

    layout = spread(linears(model), ["int4g32", "int8", "w8a8", "fp16", "fp8"])
    config = through_json(export(layout, "compressed-tensors"))
    apply_quantization_config(model, QuantizationConfig.model_validate(config))
    for name, module in modules_of(model, layout).items():
        form = parse_format(layout[name])
        scheme = getattr(module, "quantization_scheme", None)
        assert (scheme is None) == form.is_float, name
        if scheme is not None:
            assert scheme.weights.num_bits == form.bits
            assert scheme.weights.group_size == form.group_size
            assert scheme.weights.type == ("int" if form.kind == "int" else "float")
            assert (scheme.input_activations is None) == form.weight_only
    assert not hasattr(model.lm_head, "quantization_scheme")


def test_llm_compressor_writes_and_compresses(tmp_path):
    require("llmcompressor")
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier

    folder = save(tmp_path / "model", untrained(3))
    layout = spread(linears(untrained(3)), ["int4g32", "int8", "fp16"])
    config = export(layout, "compressed-tensors")
    recipe = QuantizationModifier(
        config_groups=config["config_groups"], ignore=config["ignore"]
    )
    model = oneshot(model=folder, recipe=recipe, tokenizer=tokenizer())
    for name, module in modules_of(model, layout).items():
        scales = getattr(module, "weight_scale", None)
        form = parse_format(layout[name])
        assert (scales is None) == form.is_float
        if scales is not None:
            columns = module.weight.shape[1] // (
                form.group_size or module.weight.shape[1]
            )
            assert scales.shape == (module.weight.shape[0], columns)
    model.save_pretrained(tmp_path / "out", save_compressed=True)
    saved = json.loads((tmp_path / "out" / "config.json").read_text())
    groups = saved["quantization_config"]["config_groups"].values()
    bits = {t: g["weights"]["num_bits"] for g in groups for t in g["targets"]}
    expected = {n: parse_format(p) for n, p in layout.items()}
    assert bits == {n: f.bits for n, f in expected.items() if not f.is_float}


def test_torchao(model):
    require("torchao")
    from torchao.quantization import quantize_

    layout = spread(linears(model), ["int4g32", "int8", "w8a8", "fp16", "w4a8g32"])
    quantize_(model, torchao.config(layout), filter_fn=None)
    for name, module in modules_of(model, layout).items():
        form, kind = parse_format(layout[name]), type(module.weight).__name__
        if form.is_float:
            assert type(module.weight) is torch.nn.Parameter, name
        elif layout[name] == "w8a8":
            assert kind == "Int8Tensor"
            assert module.weight.act_quant_kwargs is not None
        else:
            assert kind == "IntxUnpackedToInt8Tensor"
            assert str(module.weight.target_dtype) == f"torch.int{form.bits}"
            width = module.weight.shape[1]
            assert module.weight.block_size == (1, form.group_size or width)
            quantizes = module.weight.activation_quantization is not None
            assert quantizes != form.weight_only
    assert type(model.lm_head.weight) is torch.nn.Parameter
    assert model(input_ids=batches(1)[0][:1]).logits.isfinite().all()


def test_modelopt(model):
    require("nvidia-modelopt")
    import modelopt.torch.quantization as mtq

    layout = spread(linears(model), ["int4g32", "int8", "w8a8", "fp16", "fp8"])
    config = modelopt.from_json(through_json(export(layout, "modelopt")))
    tokens = batches(1)[0][:2]
    mtq.quantize(model, config, lambda network: network(input_ids=tokens))
    for name, module in modules_of(model, layout).items():
        form = parse_format(layout[name])
        assert module.weight_quantizer.is_enabled == (not form.is_float), name
        if form.is_float:
            continue
        expected = (4, 3) if form.kind == "fp8" else form.bits
        assert module.weight_quantizer.num_bits == expected
        blocks = module.weight_quantizer.block_sizes
        assert (blocks or {}).get(-1) == form.group_size
        assert module.input_quantizer.is_enabled == (not form.weight_only)
    assert not model.lm_head.weight_quantizer.is_enabled


def test_auto_round(tmp_path):
    require("auto-round")
    from auto_round import AutoRound

    from benchmarks.hosts.network import text

    model = untrained(2)
    layout = spread(linears(model), ["int4g32", "int8g64", "fp16"])
    characters = "".join(map(chr, text()[:8_000].tolist()))
    lines = [{"text": characters[i : i + 200]} for i in range(0, 8_000, 200)]
    (tmp_path / "calibration.json").write_text(json.dumps(lines))
    before = {name: m.weight.clone() for name, m in modules_of(model, layout).items()}
    quantizer = AutoRound(
        model,
        tokenizer(),
        **through_json(export(layout, "auto-round", others=["lm_head"])),
        iters=0,
        disable_opt_rtn=True,
        dataset=str(tmp_path / "calibration.json"),
        nsamples=2,
        seqlen=32,
        device_map="cpu",
    )
    quantized, plan = quantizer.quantize()
    for name, module in modules_of(quantized, layout).items():
        form = parse_format(layout[name])
        assert plan[name]["bits"] == form.bits
        if form.is_float:
            assert torch.allclose(module.weight.float(), before[name], rtol=1e-2), name
            continue
        assert plan[name]["group_size"] == form.group_size
        # Weights of a group lie on a grid of 2^bits values.
        group = module.weight.float()[0, : form.group_size]
        assert len(group.unique()) <= 2**form.bits
        assert not torch.allclose(group, before[name][0, : form.group_size], rtol=1e-4)
    assert plan.get("lm_head", {"bits": 16})["bits"] == 16


def test_gptqmodel_reads_the_rules(model):
    require("gptqmodel")
    from gptqmodel import QuantizeConfig

    layout = spread(linears(model), ["int4g32", "int8", "fp16"])
    config = QuantizeConfig.from_quant_config(export(layout, "gptqmodel"))
    for name in [*layout, "lm_head", "model.layers.1.mlp.up_proj_2"]:
        form = parse_format(layout.get(name, "fp16"))
        found = config.dynamic_get(name)
        assert (found is False) == form.is_float, name
        if found:
            assert found["bits"] == form.bits
            assert found["group_size"] == (form.group_size or -1)


@pytest.mark.slow
def test_gptqmodel_quantizes(tmp_path, monkeypatch):
    require("gptqmodel")
    monkeypatch.setenv("GPTQMODEL_CPU_WORKERS", "2")
    monkeypatch.chdir(tmp_path)  # it writes logs where it runs
    from gptqmodel import GPTQModel, QuantizeConfig

    from benchmarks.hosts.network import text

    folder = save(tmp_path / "model", untrained(2, 128))
    layout = spread(linears(untrained(2, 128)), ["int4g64", "int8g32", "fp16"])
    config = QuantizeConfig.from_quant_config(export(layout, "gptqmodel"))
    model = GPTQModel.load(folder, config, device="cpu")
    rows = text()[: 16 * 64].reshape(16, 64).tolist()
    data = [{"input_ids": row, "attention_mask": [1] * len(row)} for row in rows]
    model.quantize(data, batch_size=1)
    for name, module in modules_of(model.model, layout).items():
        form = parse_format(layout[name])
        is_quantized = "Linear" in type(module).__name__ and hasattr(module, "qweight")
        assert is_quantized != form.is_float, (name, type(module))
        if is_quantized:
            assert (module.bits, module.group_size) == (form.bits, form.group_size)


def test_neural_compressor(model):
    require("neural-compressor", "prettytable")
    from neural_compressor.torch.quantization import RTNConfig, convert, prepare

    layout = spread(linears(model), ["int4g32", "int8g64", "fp16"])
    config = RTNConfig.from_dict(through_json(export(layout, "neural-compressor")))
    quantized = convert(prepare(model, config))
    for name, module in modules_of(quantized, layout).items():
        form = parse_format(layout[name])
        if form.is_float:
            assert type(module) is torch.nn.Linear, name
        else:
            assert (module.bits, module.group_size) == (form.bits, form.group_size)
    assert type(quantized.lm_head) is torch.nn.Linear


def test_nncf(model):
    require("nncf")
    layout = spread(linears(model), ["int4g32", "int8"])
    layout |= {"model.embed_tokens": "int8", "lm_head": "int8"}
    import nncf as host

    tokens = batches(1)[0][:1]
    config = through_json(export(layout, "nncf"))
    quantized = nncf.compress(model, config, dataset=host.Dataset([tokens]))
    hooks = {
        name.split("post_hooks.")[1].split(":weight__")[0].replace(":", "."): hook
        for name, hook in quantized.named_modules()
        if type(hook).__name__.endswith("Decompressor")
    }
    assert set(hooks) == set(layout)
    for name, precision in layout.items():
        bits = parse_format(precision).bits
        assert type(hooks[name]).__name__ == f"INT{bits}SymmetricWeightsDecompressor"


def test_nncf_says_which_weights_it_does_not_have(model):
    require("nncf")
    import nncf as host

    from mpsolve import InvalidLayoutError

    config = export({"model.layers.0.mlp.nothing": "int4"}, "nncf")
    dataset = host.Dataset([batches(1)[0][:1]])
    with pytest.raises(InvalidLayoutError, match="no weight of that name"):
        nncf.compress(model, config, dataset=dataset)


def test_llama_cpp_types_are_ggmls():
    require("gguf")
    from gguf import GGMLQuantizationType, constants

    from mpsolve.integrations.gguf_sizes import BLOCKS

    sizes = constants.GGML_QUANT_SIZES
    for name, block in BLOCKS.items():
        kind = next(k for k in GGMLQuantizationType if k.name.lower() == name)
        assert sizes[kind] == block, name


def test_required_hosts_are_never_skipped(monkeypatch):
    monkeypatch.setitem(os.environ, "MPSOLVE_REQUIRE_HOSTS", "no-such-host")
    with pytest.raises(pytest.fail.Exception, match="asks for it"):
        require("no-such-host")
