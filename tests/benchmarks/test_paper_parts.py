"""What the studies of the papers share."""

import json
import pickle

import numpy as np
import pytest
import torch

from benchmarks.models import cifar10, load_resnet
from benchmarks.models.resnet import CifarResNet
from benchmarks.paper.networks import quality
from benchmarks.paper.statistics import bootstrap, mean
from benchmarks.paper.store import Store


def test_a_store_is_taken_up_where_a_kill_cut_a_line(tmp_path):
    path = tmp_path / "s.jsonl"
    store = Store(path, {"seeds": 3})
    store.add(("a", 1), loss=0.5)
    store.add(("b", 1), loss=0.25)
    with path.open("a") as file:
        file.write('{"key": ["c", 1], "lo')
    again = Store(path, {"seeds": 3})
    assert ("a", 1) in again
    assert ("c", 1) not in again
    assert again.select("b")[0]["loss"] == 0.25
    again.add(("c", 1), loss=1.0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sum("run" in line for line in lines) == 2
    assert lines[0]["settings"] == {"seeds": 3}
    assert len(Store(path, {})) == 3
    assert len(Store(path, {}, resume=False)) == 0


def test_the_interval_of_a_mean_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = np.mean(
        [
            abs((m := mean(rng.normal(1, 2, 20))).value - 1) <= m.half
            for _ in range(4000)
        ]
    )
    assert covered == pytest.approx(0.95, abs=0.012)


def test_the_bootstrap_weighs_samples():
    x, w = np.array([0.0, 1.0] * 100), np.array([3.0, 1.0] * 100)
    found = bootstrap(x, w)
    assert found.value == pytest.approx(0.25)
    assert 0.03 < found.half < 0.08


def test_cifar_in_all_three_layouts(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    labels = np.array([3, 1, 4, 1, 5], np.uint8)
    flat = images.reshape(5, -1)
    with pytest.raises(FileNotFoundError, match="cifar-10-batches-py"):
        cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-bin").mkdir()
    rows = np.concatenate([labels[:, None], flat], axis=1)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(rows.tobytes())
    binary = cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-py").mkdir()
    batch = {b"data": flat, b"labels": labels.tolist()}
    with (tmp_path / "cifar-10-batches-py" / "test_batch").open("wb") as file:
        pickle.dump(batch, file)
    pickled = cifar10(tmp_path)
    np.savez(tmp_path / "cifar10_test.npz", x=images, y=labels)
    for found in (binary, pickled, cifar10(tmp_path)):
        assert np.array_equal(found[0].numpy(), images)
        assert found[1].tolist() == labels.tolist()
        assert found[1].dtype == torch.int64


def test_weights_as_their_authors_publish_them(tmp_path):
    model = CifarResNet(3)
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "resnet20-12fca82f.th")
    loaded = load_resnet("resnet20", tmp_path)
    assert torch.equal(loaded.linear.weight, model.linear.weight)


def test_quality_of_padded_sequences_is_that_of_each_alone():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7))
    inputs = torch.randint(7, (2, 5))
    targets = torch.randint(7, (2, 5))
    targets[1, 3:] = -100
    both = quality(model, [(inputs, targets)])
    alone = quality(model, [(inputs[1:, :3], targets[1:, :3])])
    assert both.weights.tolist() == [5, 3]
    assert both.losses[1] == pytest.approx(alone.loss, rel=1e-6)
    assert both.loss == pytest.approx((5 * both.losses[0] + 3 * both.losses[1]) / 8)
