"""Names of groups, made on demand where nobody gave any."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

__all__ = ["Names"]


class Names(Sequence[str]):
    """The names of a problem's groups, in order.

    Parameters
    ----------
    names : iterable of str or None
        None numbers the groups ``layer0, layer1, …`` without storing a string each.
    size : int
        Number of groups; needed where `names` is None.

    Examples
    --------
    >>> names = Names(None, 1_000_000)
    >>> names[41], names.index("layer41"), len(names)
    ('layer41', 41, 1000000)
    """

    __slots__ = ("_index", "_names", "_size")

    #: What a numbered name begins with.
    PREFIX = "layer"

    def __init__(self, names: Iterable[str] | None, size: int = 0) -> None:
        self._names = None if names is None else tuple(names)
        self._size = size if self._names is None else len(self._names)
        self._index: dict[str, int] | None = None

    @property
    def are_numbered(self) -> bool:
        """Whether the names are numbers that nobody chose."""
        return self._names is None

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if self._names is not None:
            return self._names[index]
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._size)))
        position = range(self._size)[index]
        return f"{self.PREFIX}{position}"

    def __iter__(self) -> Iterator[str]:
        if self._names is not None:
            return iter(self._names)
        return (f"{self.PREFIX}{i}" for i in range(self._size))

    def __contains__(self, name: object) -> bool:
        return self.find(name) is not None

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a name.

        Raises
        ------
        ValueError
            If no group has that name.
        """
        position = self.find(value)
        if position is None or position not in range(self._size)[start:stop]:
            msg = f"no group is named {value!r}"
            raise ValueError(msg)
        return position

    def find(self, name: object) -> int | None:
        """Return the position of a name, or None where there is none."""
        if not isinstance(name, str):
            return None
        if self._names is None:
            digits = name.removeprefix(self.PREFIX)
            if digits == name or not digits.isdecimal():
                return None
            position = int(digits)
            known = position < self._size and name == f"{self.PREFIX}{position}"
            return position if known else None
        if self._index is None:
            self._index = {given: i for i, given in enumerate(self._names)}
        return self._index.get(name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Names):
            return NotImplemented
        if self._names is None and other._names is None:
            return self._size == other._size
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        # Numbered and given names may be equal, so neither may count as such.
        return hash((self._size, self[0], self[-1]) if self._size else 0)

    def __repr__(self) -> str:
        if self._names is None:
            return f"Names(None, {self._size})"
        return f"Names({self._names!r})"
