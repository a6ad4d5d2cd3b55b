"""Every test with torch begins from the same random numbers."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small kernels wait for each other on a busy machine, rather than compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
