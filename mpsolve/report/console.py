"""Consoles that behave the same in terminals, pipes and files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["make_console", "make_grid", "make_table", "stacked"]

#: Width of what goes to a pipe or a file.
PLAIN_WIDTH = 100


class _PipeConsole(Console):
    """A console that lets its caller decide what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console(*, stderr: bool = False, file: TextIO | None = None) -> Console:
    """Return a console for standard output, standard error or a file.

    Parameters
    ----------
    stderr : bool
    file : text file, optional
        Instead of either.

    Returns
    -------
    rich.console.Console
        Colours only in a terminal, and not under ``NO_COLOR``; 100 columns elsewhere.

    Examples
    --------
    >>> import io
    >>> make_console(file=io.StringIO()).width
    100
    """
    target = file or (sys.stderr if stderr else sys.stdout)
    # A terminal that cannot show a sign gets a question mark, not an error.
    if hasattr(target, "reconfigure"):
        target.reconfigure(errors="replace")
    width = None if target.isatty() else PLAIN_WIDTH
    return _PipeConsole(file=target, width=width, highlight=False, emoji=False)


def make_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return a table in the style of all; columns of `right` hold numbers."""
    table = Table(
        box=SIMPLE_HEAD,
        header_style="bold",
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    for column in columns:
        is_number = column in right
        table.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    return table


def make_grid() -> Table:
    """Return a table of names and values without lines."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def stacked(parts: Iterable[RenderableType]) -> Group:
    """Return parts below each other, with a blank line between them."""
    lines = [line for part in parts for line in (Text(""), part)]
    return Group(*lines[1:])
