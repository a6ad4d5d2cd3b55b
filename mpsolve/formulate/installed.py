"""Whether optional packages are there, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from mpsolve.errors import MethodUnavailableError

__all__ = ["are_installed", "require_packages"]


def are_installed(modules: Sequence[str]) -> bool:
    """Whether all of some modules can be imported; imports none of them.

    Parameters
    ----------
    modules : sequence of str
        Their names.

    Returns
    -------
    bool
    """
    try:
        return all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # the package of a module
        return False


def require_packages(modules: Sequence[str], what: str, extra: str) -> None:
    """Raise where modules are not installed.

    Parameters
    ----------
    modules : sequence of str
        Names of top-level modules.
    what : str
        What needs them, as the message begins.
    extra : str
        The extra of mpsolve that installs them; empty where none does.

    Raises
    ------
    MethodUnavailableError
        Naming the extra.

    Examples
    --------
    >>> require_packages(["no_such_package"], "this example", "ilp")
    Traceback (most recent call last):
    mpsolve.errors.MethodUnavailableError: this example needs no_such_package: pip
    install 'mpsolve[ilp]'
    """
    if not are_installed(modules):
        names = " ".join(modules)
        install = f"'mpsolve[{extra}]'" if extra else names
        msg = f"{what} needs {', '.join(modules)}: pip install {install}"
        raise MethodUnavailableError(msg)
