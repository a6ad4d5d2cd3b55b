"""``mpsolve calibrate``, ``solve``, ``apply``, one after the other."""

import json
import sys

import pytest

torch = pytest.importorskip("torch")

import mpsolve  # noqa: E402
from mpsolve.cli import main  # noqa: E402 (after the check for torch)

NETWORK = """
import torch
from torch import nn

def build_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))

def batches():
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        x = torch.randn(16, 8, generator=generator)
        yield x, (x[:, :4].argmax(1))

def loss(output, targets):
    return nn.functional.cross_entropy(output, targets)

class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.out(self.a(x).sigmoid() * self.b(x))

narrow = [(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long))]
stream = batches()
number = 3
"""


@pytest.fixture(autouse=True)
def network(tmp_path, monkeypatch):
    (tmp_path / "small_network.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield
    sys.modules.pop("small_network", None)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


CALIBRATE = [
    "calibrate",
    "small_network:build_model",
    "--data",
    "small_network:batches",
]


def test_from_a_model_to_a_layout_and_back(capsys, tmp_path):
    options = ["--loss", "cross_entropy", "--precisions", "fp16,int8,int4"]
    options += ["--metrics", "loss_mse,measured", "-o", "problem.json"]
    code, out, err = run(capsys, *CALIBRATE, *options, "--save", "found")
    assert (code, err) == (0, "")
    assert "48 samples" in out
    assert "nats^2" in out
    assert (tmp_path / "found.safetensors").exists()
    options = ["--budget", "memory=60%", "--output", "layout.json"]
    code, _, _ = run(capsys, "solve", "problem.json", *options)
    assert code == 0
    options = [
        "--data",
        "small_network:batches",
        "-o",
        "weights.pt",
        "--format",
        "json",
    ]
    code, out, _ = run(
        capsys, "apply", "small_network:build_model", "layout.json", *options
    )
    assert code == 0
    record = json.loads(out[: out.rindex("}") + 1])
    solved = json.loads((tmp_path / "layout.json").read_text())
    assert record["bytes_after"] == solved["usage"]["memory"]
    assert record["bytes_before"] == 4 * (8 * 32 + 32 + 32 * 4 + 4)
    assert abs(record["loss_after"] - record["loss_before"]) < 0.5
    assert record["loss_after"] != record["loss_before"]
    state = torch.load("weights.pt", weights_only=True)
    assert sum(t.numel() * t.element_size() for t in state.values()) > 0


def test_json_holds_every_value(capsys):
    code, out, _ = run(capsys, *CALIBRATE, "--format", "json", "--batches", 2)
    assert code == 0
    record = json.loads(out)
    assert record["num_samples"] == 32
    assert record["layers"] == ["0", "2"]
    assert len(record["metrics"]["loss_mse"]["values"]) == 2


def test_patterns_and_a_loss_of_ones_own(capsys):
    options = ["--layers", "2", "--loss", "small_network:loss", "--format", "json"]
    code, out, _ = run(capsys, *CALIBRATE, *options)
    assert code == 0
    assert json.loads(out)["layers"] == ["2"]


def test_layers_that_an_engine_fuses_are_shown_and_tied(capsys):
    arguments = ["calibrate", "small_network:Gated", "--data", "small_network:stream"]
    arguments += ["--engine", "vllm", "-o", "problem.json"]
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "48 samples" in out  # the batch that was traced is measured as well
    assert "tied: a, b: they read the same tensor" in out
    assert mpsolve.load("problem.json").ties == ((0, 1),)
    code, out, _ = run(capsys, *CALIBRATE, "--engine", "sglang", "--format", "json")
    assert json.loads(out)["ties"] == []
    code, _, err = run(capsys, *CALIBRATE, "--engine", "ollama")
    assert code == 2
    assert "engine must be one of vllm, sglang, tensorrt-llm" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate", "nothing:x", "--data", "small_network:batches"], "no module"),
        (["calibrate", "small_network", "--data", "x:y"], "must be MODULE:NAME"),
        (["calibrate", "small_network:none", "--data", "x:y"], "has no 'none'"),
        (["calibrate", "small_network:number", "--data", "x:y"], "torch.nn.Module"),
        ([*CALIBRATE[:3], "small_network:number"], "must be batches"),
        ([*CALIBRATE, "--layers", "block.*"], "selects no layer"),
        ([*CALIBRATE, "--precisions", "int9"], "precision must be one of"),
        ([*CALIBRATE, "--metrics", "magic"], "metric must be one of"),
        ([*CALIBRATE, "--batches", "9"], "exhausted after 3 batches of the 9"),
        ([*CALIBRATE, "--precisions", "fp16,,int8"], "separated by commas"),
        ([*CALIBRATE[:3], "small_network:narrow"], "batch 0: Sequential does not run"),
        ([*CALIBRATE, "--batches", "9", "-o", "nowhere/p.json"], "nowhere: no such"),
        ([*CALIBRATE, "--batches", "9", "--save", "nowhere/p"], "nowhere: no such"),
    ],
)
def test_mistakes_are_named(capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
