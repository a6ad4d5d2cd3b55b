"""Which versions of hosts were tested, and what is said of others."""

from __future__ import annotations

from importlib import metadata

from mpsolve.errors import MethodUnavailableError

__all__ = ["TESTED", "require_host"]

#: Versions that the tests ran with, by the name on PyPI.
TESTED: dict[str, tuple[str, ...]] = {
    "auto-round": ("0.15.1", "0.16.1"),
    "compressed-tensors": ("0.19.0",),
    "llmcompressor": ("0.14.0.1",),
    "model-compression-toolkit": ("2.6.1",),
    "nncf": ("3.4.0",),
    "nvidia-modelopt": ("0.47.0",),
    "torchao": ("0.18.0",),
}


def require_host(package: str, *, exactly: bool = False) -> str:
    """Return the version of an installed host.

    Parameters
    ----------
    package : str
        Its name on PyPI.
    exactly : bool
        Whether only tested versions will do: where a host's insides are replaced.
        Where its documented interface is used, any version is taken.

    Returns
    -------
    str

    Raises
    ------
    MethodUnavailableError
        If the host is missing, or its version was not tested and has to be.
    """
    tested = TESTED[package]
    known = " or ".join(tested)
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        msg = f"{package} is not installed: pip install {package}=={tested[-1]}"
        raise MethodUnavailableError(msg) from None
    if exactly and version not in tested:
        msg = (
            f"this replaces a step inside {package}, which was tested with {known}. "
            f"Got {version}: its insides are not known. Install a tested version, or "
            "use problem() and export(), which need no particular one"
        )
        raise MethodUnavailableError(msg)
    return version
