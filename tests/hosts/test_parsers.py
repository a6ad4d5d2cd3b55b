"""Exported files, read by the hosts' own parsers, and what those make of each layer."""

import argparse
import importlib.util
import json
import sys
from types import SimpleNamespace
from unittest import mock

import pytest

from mpsolve.integrations import exllamav3, export, mlx
from mpsolve.integrations.formats import parse_format
from tests.hosts.conftest import require

require("torch", "transformers")

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from benchmarks.hosts.network import linears, save, untrained  # noqa: E402
from tests.hosts.test_applied import spread  # noqa: E402

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]


def grain(module):
    """Return the bits, group size and mode of a module of mlx, None for floats."""
    keys = ("bits", "group_size", "mode")
    return tuple(getattr(module, k) for k in keys) if hasattr(module, "bits") else None


def expected(precision):
    form = parse_format(precision)
    return None if form.is_float else (form.bits, form.group_size, "affine")


def test_mlx_converts_by_the_predicate_and_loads_what_export_says(tmp_path):
    require("mlx-lm", "mlx")
    from mlx_lm import convert
    from mlx_lm.utils import load_model

    folder = save(tmp_path / "model", untrained(12, 64))
    layout = spread(
        linears(untrained(12, 64)), ["int4g32", "int8g64", "fp16", "int3g32"]
    )
    convert(
        folder,
        str(tmp_path / "mlx"),
        quantize=True,
        q_group_size=32,
        quant_predicate=mlx.predicate(layout),
    )
    # Then the file that mlx wrote, with the entry that export makes in its place.
    config_file = tmp_path / "mlx" / "config.json"
    config = json.loads(config_file.read_text())
    config.pop("quantization_config", None)
    written = config.pop("quantization")
    config |= json.loads(json.dumps(export(layout, "mlx")))
    config_file.write_text(json.dumps(config))
    model, _ = load_model(tmp_path / "mlx")
    modules = dict(model.named_modules())
    for name, precision in layout.items():
        assert grain(modules[name]) == expected(precision), name
        if expected(precision):
            assert written[name] == config["quantization"][name]
    assert grain(modules["lm_head"]) is None


def test_olive_quantizes_each_layer_as_the_attribute_says(tmp_path):
    require("olive-ai")
    from olive.hardware import DEFAULT_CPU_ACCELERATOR
    from olive.model import HfModelHandler
    from olive.passes.olive_pass import create_pass_from_dict
    from olive.passes.pytorch.rtn import Rtn

    folder = save(tmp_path / "model", untrained(3, 64))
    precisions = ["int4g32", "int8g32", "int8g64", "int4g32_asym"]
    layout = {
        name: precisions[(i + len(name)) % 4]
        for i, name in enumerate(linears(untrained(3, 64)))
    }
    for block in range(3):  # Olive gives these one precision
        parts = [f"model.layers.{block}.self_attn.{p}_proj" for p in "qkv"]
        layout |= dict.fromkeys(parts, precisions[block])
    info = json.loads(json.dumps(export(layout, "olive", others=["lm_head"])))
    model = HfModelHandler(model_path=folder, model_attributes=info)
    settings = {"bits": 4, "group_size": 128, "sym": False}
    rtn = create_pass_from_dict(
        Rtn, settings, disable_search=True, accelerator_spec=DEFAULT_CPU_ACCELERATOR
    )
    quantized = rtn.run(model, str(tmp_path / "out")).load_model()
    modules = dict(quantized.named_modules())
    for name, precision in layout.items():
        form, made = parse_format(precision), modules[name].quantizer
        held = (made.bits, made.group_size, made.symmetric)
        assert held == (form.bits, form.group_size, form.symmetric), name
    assert type(modules["lm_head"]) is torch.nn.Linear


@pytest.fixture
def exl3(monkeypatch):
    """ExLlamaV3 without the CUDA kernels that it compiles: its Python is its own."""
    require("exllamav3")
    kernels = SimpleNamespace(exllamav3_ext=mock.MagicMock())
    monkeypatch.setitem(sys.modules, "exllamav3.ext", kernels)
    if importlib.util.find_spec("triton") is None:
        for name in ("triton", "triton.language"):
            monkeypatch.setitem(sys.modules, name, mock.MagicMock())
    yield importlib.import_module("exllamav3.model_init")
    for name in [n for n in sys.modules if n.split(".")[0] == "exllamav3"]:
        monkeypatch.delitem(sys.modules, name)


def test_exllamav3_takes_each_tensor_from_the_model_that_the_override_names(
    exl3, tmp_path, monkeypatch
):
    names = linears(untrained(12, 64))
    layout = spread(names, ["base", "3bpw", "5bpw"])
    folders = {name: tmp_path / name for name in ("base", "3bpw", "5bpw")}
    tensors = {f"{name}.trellis": torch.zeros(2) for name in [*names, "lm_head"]}
    for folder in folders.values():
        untrained(12, 64).config.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        config["architectures"] = ["LlamaForCausalLM"]
        (folder / "config.json").write_text(json.dumps(config))
        save_file(tensors, folder / "model.safetensors")
    override = tmp_path / "override.yml"
    sources = {name: str(folders[name]) for name in ("3bpw", "5bpw")}
    override.write_text(exllamav3.export(layout, sources=sources, base="base"))

    class ReadError(Exception):
        """Stops the loading where the override has been read."""

    def stop(config, **_):
        raise ReadError(config)

    monkeypatch.setattr(exl3.Model, "from_config", stop)
    parser = argparse.ArgumentParser()
    exl3.add_args(parser)
    arguments = ["-m", str(folders["base"]), "--override", str(override)]
    with pytest.raises(ReadError) as caught:
        exl3.init(parser.parse_args(arguments), quiet=True)
    (config,) = caught.value.args
    for name in names:
        found = config.stc.find_stc(f"{name}.trellis")
        assert found.directory == str(folders[layout[name]]), name
    assert config.stc.find_stc("lm_head.trellis").directory == str(folders["base"])
