"""Whether optional packages are there, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from mpsolve.errors import MethodUnavailableError

__all__ = ["DISTRIBUTIONS", "are_installed", "packages_of", "require_packages"]

#: What to install for a module of another name.
DISTRIBUTIONS = {"auto_round": "auto-round", "modelopt": "nvidia-modelopt"}


def packages_of(modules: Sequence[str], extra: str) -> str:
    """Return what pip is to install for some modules.

    Parameters
    ----------
    modules : sequence of str
    extra : str
        The extra of mpsolve that installs them; empty where none does.

    Returns
    -------
    str

    Examples
    --------
    >>> packages_of(["ortools"], "ilp"), packages_of(["modelopt"], "")
    ("'mpsolve[ilp]'", 'nvidia-modelopt')
    """
    if extra:
        return f"'mpsolve[{extra}]'"
    return " ".join(DISTRIBUTIONS.get(module, module) for module in modules)


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
        install = packages_of(modules, extra)
        msg = f"{what} needs {', '.join(modules)}: pip install {install}"
        raise MethodUnavailableError(msg)
