"""Objects that the command line names: ``package.module:name``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from errno import ENOENT
from importlib import import_module
from pathlib import Path
from typing import Any

from mpsolve.errors import InvalidParameterError

__all__ = ["check_folders", "load_data", "load_loss", "load_model", "load_object"]


def load_object(text: str, option: str) -> Any:
    """Return what ``package.module:name`` names, found from the current folder too.

    Parameters
    ----------
    text : str
    option : str
        Named in errors.

    Raises
    ------
    InvalidParameterError
        If the text is not of that form, or there is no such module or name.
    """
    module_name, colon, name = text.partition(":")
    if not (module_name and colon and name):
        msg = f"{option} must be MODULE:NAME, such as net:build_model. Got {text!r}"
        raise InvalidParameterError(msg)
    if "" not in sys.path and "." not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that is there, but imports one that is not, says so itself.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        msg = f"{option}: there is no module {module_name!r} here or on Python's path"
        raise InvalidParameterError(msg) from None
    for part in name.split("."):
        if not hasattr(found, part):
            msg = f"{option}: {module_name!r} has no {name!r}"
            raise InvalidParameterError(msg)
        found = getattr(found, part)
    return found


def load_model(text: str) -> Any:
    """Return a module, which is named or built by what is named.

    Raises
    ------
    InvalidParameterError
        If it is neither.
    """
    from torch import nn

    found = load_object(text, "model")
    if not isinstance(found, nn.Module) and callable(found):
        found = found()
    if not isinstance(found, nn.Module):
        msg = f"model {text!r} must be a torch.nn.Module, or a callable that returns "
        msg += f"one. Got {type(found).__name__}"
        raise InvalidParameterError(msg)
    return found


def load_data(text: str) -> Iterable[Any]:
    """Return batches, which are named or returned by what is named.

    Raises
    ------
    InvalidParameterError
        If it is neither.
    """
    found = load_object(text, "--data")
    if not isinstance(found, Iterable) and callable(found):
        found = found()
    if not isinstance(found, Iterable):
        msg = f"--data {text!r} must be batches, or a callable that returns them. Got "
        msg += type(found).__name__
        raise InvalidParameterError(msg)
    return found


def load_loss(text: str) -> Any:
    """Return the name of a loss, or the callable that ``MODULE:NAME`` names."""
    return load_object(text, "--loss") if ":" in text else text


def check_folders(*paths: str | None) -> None:
    """Raise where a file could not be written, before the work for it is done.

    Raises
    ------
    FileNotFoundError
        If its folder is missing; `None` is no file.
    """
    for path in paths:
        if path is not None and not (folder := Path(path).absolute().parent).is_dir():
            raise FileNotFoundError(ENOENT, "no such file or folder", str(folder))
