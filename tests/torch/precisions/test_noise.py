"""Noise in place of rounding."""

import pytest
import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch import Noise


def test_noise_is_uniform_and_symmetric():
    x = torch.zeros(200_000, dtype=torch.float64)
    noise = Noise(1e-3, seed=0).round(x)
    assert noise.abs().max() <= 1e-3
    # Mean and second moment of a uniform distribution, within five standard errors.
    assert abs(float(noise.mean())) < 5 * 1e-3 / (3 * len(x)) ** 0.5
    assert float(noise.square().mean()) == pytest.approx(1e-6 / 3, rel=0.01)


def test_a_seed_repeats_the_noise_and_every_call_draws_anew():
    x = torch.zeros(10)
    first, second = Noise(1.0, seed=3), Noise(1.0, seed=3)
    one, two = first.round(x), first.round(x)
    assert torch.equal(second.round(x), one)
    assert not torch.equal(one, two)


def test_without_a_seed_torch_decides():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        one = Noise(1.0).round(torch.zeros(10))
        torch.manual_seed(5)
        assert torch.equal(Noise(1.0).round(torch.zeros(10)), one)


def test_level_0_changes_nothing():
    x = torch.randn(10)
    assert torch.equal(Noise(0.0).round(x), x)


@pytest.mark.parametrize("level", [-1.0, float("nan"), float("inf"), "1"])
def test_levels_that_are_none_are_refused(level):
    with pytest.raises(InvalidParameterError, match="level must be finite and >= 0"):
        Noise(level)
