"""Collecting every fault of an input before reporting it."""

from mpsolve.errors import Fault, InvalidProblemError

__all__ = ["Faults"]

#: A file with a million wrong numbers is reported by its first faults.
MOST_FAULTS = 50


class Faults:
    """A list of faults that raises them all together.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.add("loss[2]", "must be finite. Got nan")
    >>> faults.raise_if_any()
    Traceback (most recent call last):
        ...
    mpsolve.errors.InvalidProblemError: loss[2]: must be finite. Got nan
    """

    def __init__(self, where: str = "") -> None:
        self.where = where
        self._faults: list[Fault] = []
        self._num_more = 0

    def __bool__(self) -> bool:
        return bool(self._faults)

    def __len__(self) -> int:
        return len(self._faults) + self._num_more

    def add(self, path: str, message: str) -> None:
        """Record a fault at a place."""
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(Fault(path, message))
        else:
            self._num_more += 1

    def extend(self, error: InvalidProblemError, prefix: str = "") -> None:
        """Take over the faults of another error, under a prefix of their paths."""
        for fault in error.faults:
            self.add(prefix + fault.path, fault.message)

    def raise_if_any(self) -> None:
        """Raise an `InvalidProblemError` with everything recorded, if anything was.

        Raises
        ------
        InvalidProblemError
            If at least one fault was recorded.
        """
        if not self._faults:
            return
        faults = list(self._faults)
        if self._num_more:
            faults.append(Fault("", f"and {self._num_more:,} more"))
        raise InvalidProblemError(faults, self.where)
