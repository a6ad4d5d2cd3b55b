"""The study of stability: its formulas and a tiny run."""

import json

import numpy as np
import pytest
import torch

from benchmarks.models.resnet import CifarResNet
from benchmarks.paper.__main__ import main
from benchmarks.paper.budgets.expansion import expand
from benchmarks.paper.networks import Network
from benchmarks.paper.rounded import RoundedNetwork
from benchmarks.paper.stability.resample import Resampler, disagreement, upper_bound
from tests.conftest import shared_folder


def test_an_upper_bound_is_that_of_the_samples_drawn():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 2, 6))
    rows = np.array([0, 0, 2, 5, 5, 5])
    counts = np.bincount(rows, minlength=6)
    drawn = values[..., rows]
    mean, error = drawn.mean(-1), drawn.std(-1, ddof=1) / np.sqrt(6)
    assert upper_bound(values, counts, 0.0) == pytest.approx(mean)
    assert upper_bound(values, counts, 1.5) == pytest.approx(mean + 1.5 * error)


def test_disagreement_counts_each_decision():
    layouts = [(0, 1, 2), (0, 2, 2), (1, 2, 2), (0, 1, 2)]
    assert disagreement(layouts, (0, 1, 2)).tolist() == [0.25, 0.5, 0.0]


def test_pairs_of_a_resample_are_those_of_its_samples():
    """Drawing the first batch alone is expanding on it alone."""
    torch.manual_seed(0)
    model = CifarResNet(1, 4).eval()
    x, y = torch.randn(9, 3, 8, 8), torch.randint(10, (9,))
    both = [(x[:5], y[:5]), (x[5:], y[5:])]
    networks = [
        RoundedNetwork(
            Network("tiny", model, "cross_entropy", data, data), ("w2", "w8")
        )
        for data in (both, both[:1])
    ]
    budget = int(networks[0].bytes.mean(1).sum())
    found, alone = (
        Resampler(network, expand(network, keep=True), [budget]) for network in networks
    )
    first = found.first(5)
    gram = found._pairs(first)
    assert gram == pytest.approx(alone.expansion.pairs, rel=1e-4, abs=1e-9)
    assert found.layouts("kl_pairs", first) == alone.layouts(
        "kl_pairs", np.ones(5, int)
    )
    for counts in found.draws(5, 3, seed=0):
        assert counts.sum() == 5
        assert not counts[5:].any()


def test_a_tiny_run_and_its_report(tmp_path):
    data = shared_folder("data")
    command = ["stability", "--smoke", "--output", str(tmp_path), "--data", str(data)]
    main(command)
    path = tmp_path / "paper_stability.jsonl"
    lines = path.read_text().splitlines()
    main(command)
    assert path.read_text().splitlines() == lines, "resuming wrote something twice"
    records = [r for r in map(json.loads, lines) if r.get("key", [0])[0] == "resampled"]
    assert {r["key"][2] for r in records} == {"measured", "output_kl", "kl_pairs"}
    assert all(len(r["layouts"]) == 4 for r in records)
    text = (tmp_path / "paper_stability.md").read_text()
    assert "| output_kl | 1 | 24 |" in text
    assert (tmp_path / "paper_stability_resnet8.png").stat().st_size > 10_000
