"""Bytes of files: read whole, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import zlib
from os import PathLike
from pathlib import Path

from mpsolve.errors import Fault, InvalidProblemError

__all__ = ["read_bytes", "write_bytes"]

#: What some editors put before UTF-8 text.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_bytes(path: str | PathLike[str]) -> bytes:
    """Read a file, decompressed where its name ends in ``.gz``.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    bytes
        Without a byte order mark.

    Raises
    ------
    InvalidProblemError
        If the file is empty, or no gzip file in spite of its name.
    """
    data = Path(path).read_bytes()
    if str(path).lower().endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            fault = Fault("", f"must be a gzip file, as its name says: {error}")
            raise InvalidProblemError([fault], str(path)) from None
    if not data.strip():
        raise InvalidProblemError([Fault("", "the file is empty")], str(path))
    return data.removeprefix(BYTE_ORDER_MARK)


def write_bytes(path: str | PathLike[str], data: bytes) -> None:
    """Write a file that is complete or not there, compressed where it ends in ``.gz``.

    The bytes go to a new file in the same folder, which then takes the other's place.

    Parameters
    ----------
    path : str or PathLike
    data : bytes

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    if str(path).lower().endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a pipe or a device has no place to take
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(target.parent))
    beside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with beside.open("xb") as file:
            if target.exists():
                beside.chmod(target.stat().st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
