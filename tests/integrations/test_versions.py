"""What is said of hosts that are missing."""

import importlib
from importlib import metadata

import pytest

from mpsolve import InvalidParameterError, MethodUnavailableError
from mpsolve.integrations import nncf, torchao
from mpsolve.integrations.versions import TESTED, require_host


@pytest.fixture
def nothing_installed(monkeypatch):
    def version(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize("package", TESTED)
def test_missing_hosts_are_named_with_the_version_to_install(
    package, nothing_installed
):
    pinned = rf"pip install {package}=={TESTED[package][-1]}"
    with pytest.raises(MethodUnavailableError, match=pinned):
        require_host(package)


@pytest.mark.parametrize("host", ["modelopt", "auto_round", "nncf", "mct"])
def test_nothing_is_replaced_in_a_host_that_is_not_there(host, nothing_installed):
    module = importlib.import_module(f"mpsolve.integrations.{host}")
    with (
        pytest.raises(MethodUnavailableError, match="pip install"),
        module.plugged_in(),
    ):
        pass


def test_objects_of_a_host_need_it(nothing_installed):
    with pytest.raises(MethodUnavailableError, match="pip install torchao=="):
        torchao.config({"fc": "int8"})


def test_other_versions_will_do_where_nothing_is_replaced(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: "99.0")
    assert require_host("nncf") == "99.0"
    with pytest.raises(MethodUnavailableError, match=r"Got 99\.0"):
        require_host("nncf", exactly=True)


def test_nncf_takes_what_export_returned():
    with pytest.raises(InvalidParameterError, match="it lacks arguments, backup"):
        nncf.compress(None, {"int4": []})
