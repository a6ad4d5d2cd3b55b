"""Models that accelerate spreads over devices, and offloads to memory or a disk."""

import numpy as np
import pytest

from tests.hosts.conftest import require

require("torch", "transformers")

import mpsolve  # noqa: E402
from benchmarks.hosts.network import batches, untrained  # noqa: E402
from mpsolve.torch import apply_, calibrate, problem_from_model  # noqa: E402
from mpsolve.torch.metrics import HessianTrace  # noqa: E402

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]

METRICS = ["input_gradient", "signed_first_order", "loss_mse", "loss_mse_output"]
METRICS += ["loss_mse_noise", "empirical_fisher", "measured", "output_kl"]
METRICS += ["parameter_gradient", HessianTrace(max_draws=8)]
#: Where the parts of the network are.
MAPS = {
    "spread": {"model": "cpu", "lm_head": "cpu"},
    "offloaded": {
        "model.embed_tokens": "cpu",
        "model.layers.0": "cpu",
        "model.layers.1": "disk",
        "model.norm": "cpu",
        "model.rotary_emb": "cpu",
        "lm_head": "disk",
    },
}


def found(model, metrics=METRICS):
    data = [(tokens[:4, :16], tokens[:4, :16]) for tokens in batches(2)]
    return calibrate(model, data, "next_token", ["fp16", "int4"], metrics)


@pytest.mark.parametrize("kind", MAPS)
def test_calibration_is_that_of_the_whole_model(kind, tmp_path):
    require("accelerate")
    from accelerate import dispatch_model

    expected = found(untrained(2, 32))
    model = dispatch_model(
        untrained(2, 32), MAPS[kind], main_device="cpu", offload_dir=tmp_path
    )
    places = {p.device.type for p in model.parameters()}
    assert places == ({"cpu"} if kind == "spread" else {"cpu", "meta"})
    scores = found(model)
    assert scores.loss == pytest.approx(expected.loss, rel=1e-12)
    for name, score in expected.items():
        np.testing.assert_allclose(
            scores[name].values, score.values, rtol=1e-6, atol=1e-15, err_msg=name
        )
    assert np.abs(scores["measured"].values[:, 1]).min() > 0
    problem = problem_from_model(model, scores, "loss_mse", budgets={"memory": 40_000})
    whole = problem_from_model(
        untrained(2, 32), expected, "loss_mse", budgets={"memory": 40_000}
    )
    theirs, ours = (mpsolve.solve(p).layout for p in (problem, whole))
    assert dict(theirs) == dict(ours)


def test_offloaded_parameters_cannot_be_stored_otherwise(tmp_path):
    require("accelerate")
    from accelerate import dispatch_model

    model = dispatch_model(
        untrained(2, 32), MAPS["offloaded"], main_device="cpu", offload_dir=tmp_path
    )
    with pytest.raises(mpsolve.InvalidLayoutError, match=r"lm_head.*offloaded"):
        apply_(model, {"lm_head": "int8"})
