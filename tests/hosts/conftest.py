"""Hosts are optional: what is missing is said, and may be required."""

import os
from importlib import metadata

import pytest


def require(*packages: str) -> None:
    """Skip the module unless these packages (names on PyPI) are installed.

    Fails instead where MPSOLVE_REQUIRE_HOSTS names the first of them.
    """
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    message = f"{', '.join(missing)} not installed; see requirements/hosts-*.txt"
    if packages[0] in os.environ.get("MPSOLVE_REQUIRE_HOSTS", "").split(","):
        pytest.fail(f"{message}, and MPSOLVE_REQUIRE_HOSTS asks for it")
    pytest.skip(message, allow_module_level=True)


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Threads of networks this small wait for each other, rather than compute."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
