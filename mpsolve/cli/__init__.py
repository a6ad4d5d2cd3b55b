"""The command line.

argparse reads it: it is in the standard library, starts fast, and some commands with a
few options each need no more. Answers go to standard output; progress, warnings and
errors go to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mpsolve.cli.exit_codes import INTERRUPTED, NO_SOLUTION, PIPE_CLOSED, USAGE
from mpsolve.cli.parser import make_parser
from mpsolve.errors import MPSolveError, VerificationError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process where not given.

    Returns
    -------
    int
        The exit code; ``mpsolve --help`` lists them.

    Examples
    --------
    >>> main(["solve"])  # and a message on standard error
    2
    """
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as leave:  # after --help, --version or wrong usage
        return leave.code if isinstance(leave.code, int) else USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except VerificationError as error:
        _complain(f"{error}\nThis is a bug: please report it with the problem file.")
        return NO_SOLUTION
    except FileNotFoundError as error:
        _complain(f"{error.filename}: no such file or folder")
        return USAGE
    except (MPSolveError, OSError) as error:
        _complain(str(error))
        return USAGE
    return code


def _complain(message: str) -> None:
    sys.stderr.write(f"mpsolve: {message}\n")


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that Python's exit is silent too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
